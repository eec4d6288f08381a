//! Units by location, as small as they come: nearly every hold takes from one location.
//!
//! A location is the index of its shelf. Shelves are never removed, so an index means the same
//! for ever, and 8 bytes say what a name would say in 28.

use serde::{Deserialize, Serialize};

/// Index of a shelf within its SKU.
pub type ShelfIndex = u16;

/// Units by shelf, without zeros, each shelf once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parts {
    /// Everything from one shelf.
    One((ShelfIndex, u32)),
    /// From several, or (empty) from none. Two variants and not three, because so the whole is
    /// 16 bytes.
    Many(Box<[(ShelfIndex, u32)]>),
}

impl Default for Parts {
    fn default() -> Self {
        Self::Many(Box::default())
    }
}

impl Parts {
    /// `parts` as they stand: the order of preference is kept.
    #[must_use]
    pub fn of(parts: Vec<(ShelfIndex, u32)>) -> Self {
        match parts[..] {
            [one] => Self::One(one),
            _ => Self::Many(parts.into_boxed_slice()),
        }
    }

    /// Shelf and units of each part.
    #[must_use]
    pub fn as_slice(&self) -> &[(ShelfIndex, u32)] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// Shelf and units of each part.
    pub fn iter(&self) -> impl Iterator<Item = (ShelfIndex, u32)> + '_ {
        self.as_slice().iter().copied()
    }

    /// Whether there is no unit in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Units from `shelf`.
    #[must_use]
    pub fn at(&self, shelf: ShelfIndex) -> u32 {
        self.iter().find(|(at, _)| *at == shelf).map_or(0, |(_, qty)| qty)
    }

    /// All units.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.iter().fold(0, |sum, (_, qty)| sum.saturating_add(qty))
    }

    /// Without `qty` units of `shelf`; without all of them when there are fewer.
    #[must_use]
    pub fn minus(&self, shelf: ShelfIndex, qty: u32) -> Self {
        let left = self
            .iter()
            .map(|(at, have)| (at, if at == shelf { have.saturating_sub(qty) } else { have }));
        Self::of(left.filter(|(_, have)| *have > 0).collect())
    }

    /// With the units of `other` too.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.as_slice().to_vec();
        for (shelf, qty) in other.iter() {
            match sum.iter_mut().find(|(at, _)| *at == shelf) {
                Some((_, have)) => *have = have.saturating_add(qty),
                None => sum.push((shelf, qty)),
            }
        }
        Self::of(sum)
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(many) => size_of_val::<[_]>(many),
        }
    }
}
