//! The tax of a plan's shop.

use serde::{Deserialize, Serialize};

/// What the shop takes for the state, by the line and on the way to send too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// The rate, in parts per million; 0: there is none.
    pub ppm: u32,
    /// Prices contain it.
    pub included: bool,
}

impl Tax {
    /// Whether nothing is taken.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
