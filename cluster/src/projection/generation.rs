//! Generations of a view: which one readers see, which one is being built, which ones go.
//!
//! Saved as a named value, so it is durable before anybody sees a change of it; changed by
//! compare-and-set, since every node that owns shards of a view may change it.

use std::sync::Arc;

use codec::{Stored, TypeId};
use ports::{SharedStore, StoreError};
use serde::{Deserialize, Serialize};

/// The generations of one view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generations {
    /// Version of the rows of all generations but the retired ones.
    pub(super) version: u16,
    /// What readers see.
    pub(super) active: u32,
    /// What is being built to take its place.
    pub(super) building: Option<u32>,
    /// What nobody sees any more and is to be taken out.
    pub(super) retired: Vec<u32>,
}

impl Stored for Generations {
    const TYPE: TypeId = 11;
}

/// What a node does that finds rows of a newer version than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newer {
    /// It leaves them alone: other nodes write and read them.
    Stays,
    /// It begins its own anew: nobody else has this store, or an operator asked for it.
    GoesBack,
}

impl Generations {
    /// The generations as saved, for rows of `version`. Rows of an older version are retired, and
    /// the next generation begins empty; where a newer one stays, the result is of that.
    pub(super) async fn load(
        store: &SharedStore,
        name: &str,
        version: u16,
        newer: Newer,
    ) -> Result<Self, StoreError> {
        // Again when another node was faster to change them.
        loop {
            let found = Self::saved(store, name).await?;
            let next = match &found {
                Some(found) if found.version == version => return Ok(found.clone()),
                Some(found) if found.version > version && newer == Newer::Stays => {
                    return Ok(found.clone());
                }
                Some(found) => found.clone().replaced_by(version),
                None => Self { version, active: 1, building: None, retired: Vec::new() },
            };
            let expected = found.map(|found| found.sealed());
            if store.swap_value(&value_name(name), expected, next.sealed()).await? {
                return Ok(next);
            }
        }
    }

    /// As saved.
    pub(super) async fn saved(store: &SharedStore, name: &str) -> Result<Option<Self>, StoreError> {
        let read = |bytes: Vec<u8>| {
            codec::open::<Self>(&bytes)
                .map_err(|error| StoreError::Damaged(format!("generations of {name}: {error}")))
        };
        store.value(&value_name(name)).await?.map(read).transpose()
    }

    fn sealed(&self) -> Vec<u8> {
        codec::seal(self).expect("generations are some bytes")
    }

    /// Saves `next` in the place of these, durably. Returns whether these were the saved ones.
    pub(super) async fn replace(
        &self,
        next: &Self,
        store: &SharedStore,
        name: &str,
    ) -> Result<bool, StoreError> {
        store.swap_value(&value_name(name), Some(self.sealed()), next.sealed()).await
    }

    /// With another generation being built.
    pub(super) fn begun(&self) -> Self {
        let building = Some(self.newest() + 1);
        Self { building, ..self.clone() }
    }

    /// With the one that was built in the place of the active one.
    pub(super) fn swapped(&self) -> Self {
        let mut retired = self.retired.clone();
        retired.push(self.active);
        let active = self.building.expect("one is being built");
        Self { version: self.version, active, building: None, retired }
    }

    /// Without a retired one.
    pub(super) fn without(&self, swept: u32) -> Self {
        let retired = self.retired.iter().copied().filter(|one| *one != swept).collect();
        Self { retired, ..self.clone() }
    }

    fn replaced_by(self, version: u16) -> Self {
        let active = self.newest() + 1;
        let retired = self.retired.into_iter().chain([self.active]).chain(self.building);
        Self { version, active, building: None, retired: retired.collect() }
    }

    fn newest(&self) -> u32 {
        self.retired.iter().copied().chain(self.building).fold(self.active, u32::max)
    }
}

/// Name of the rows of a generation.
pub(super) fn view_name(name: &str, generation: u32) -> Arc<str> {
    format!("{name}.{generation}").into()
}

fn value_name(name: &str) -> String {
    format!("projection.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_used_twice() {
        let first = Generations { version: 1, active: 1, building: None, retired: Vec::new() };
        let begun = first.begun();
        assert_eq!((begun.active, begun.building), (1, Some(2)));
        let swapped = begun.swapped();
        assert_eq!((swapped.active, swapped.building, &swapped.retired[..]), (2, None, &[1][..]));
        assert_eq!(swapped.begun().building, Some(3));
        let replaced = swapped.begun().replaced_by(2);
        assert_eq!((replaced.version, replaced.active, replaced.building), (2, 4, None));
        assert_eq!(replaced.retired, [1, 2, 3]);
        assert_eq!(replaced.without(2).retired, [1, 3]);
    }
}
