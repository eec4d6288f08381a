//! Values by shard: a map in the order of the shards, at the price of an array.
//!
//! A step looks some ten times for what belongs to a shard; trees of 64 keys were 4 % of the CPU
//! of an order.

use entity::ShardId;

/// A value for some shards. Takes the room of all shards up to the last one that has a value.
#[derive(Debug, Clone)]
pub(crate) struct ShardMap<T> {
    slots: Vec<Option<T>>,
}

impl<T> Default for ShardMap<T> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

impl<T> ShardMap<T> {
    pub(crate) fn get(&self, shard: ShardId) -> Option<&T> {
        self.slots.get(usize::from(shard.0))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, shard: ShardId) -> Option<&mut T> {
        self.slots.get_mut(usize::from(shard.0))?.as_mut()
    }

    pub(crate) fn insert(&mut self, shard: ShardId, value: T) {
        *self.slot(shard) = Some(value);
    }

    /// The value of a shard, its default if it has none yet.
    pub(crate) fn entry(&mut self, shard: ShardId) -> &mut T
    where
        T: Default,
    {
        self.slot(shard).get_or_insert_default()
    }

    /// All values, in the order of their shards. O(shards).
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ShardId, &T)> {
        let slots = self.slots.iter().zip(0..);
        slots.filter_map(|(slot, at)| Some((ShardId(at), slot.as_ref()?)))
    }

    /// All values, in the order of their shards. O(shards).
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (ShardId, &mut T)> {
        let slots = self.slots.iter_mut().zip(0..);
        slots.filter_map(|(slot, at)| Some((ShardId(at), slot.as_mut()?)))
    }

    fn slot(&mut self, shard: ShardId) -> &mut Option<T> {
        let at = usize::from(shard.0);
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        &mut self.slots[at]
    }
}

impl<T> FromIterator<(ShardId, T)> for ShardMap<T> {
    fn from_iter<I: IntoIterator<Item = (ShardId, T)>>(values: I) -> Self {
        let mut map = Self::default();
        values.into_iter().for_each(|(shard, value)| map.insert(shard, value));
        map
    }
}

/// The value of a shard in a short list in the order of the shards, made if it is not there.
pub(crate) fn in_order<T>(
    list: &mut Vec<(ShardId, T)>,
    shard: ShardId,
    make: impl FnOnce() -> T,
) -> &mut T {
    let at = match list.binary_search_by_key(&shard, |(of, _)| *of) {
        Ok(at) => at,
        Err(at) => {
            list.insert(at, (shard, make()));
            at
        }
    };
    &mut list[at].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_their_shards() {
        let mut map: ShardMap<u64> = [(ShardId(7), 70), (ShardId(2), 20)].into_iter().collect();
        assert_eq!((map.get(ShardId(7)), map.get(ShardId(3))), (Some(&70), None));
        assert_eq!(map.get(ShardId(u16::MAX)), None);
        *map.entry(ShardId(5)) += 50;
        map.insert(ShardId(2), 21);
        *map.get_mut(ShardId(7)).unwrap() += 1;
        map.iter_mut().for_each(|(_, value)| *value += 1);
        let all: Vec<_> = map.iter().map(|(shard, value)| (shard.0, *value)).collect();
        assert_eq!(all, [(2, 22), (5, 51), (7, 72)]);
    }
    #[test]
    fn a_short_list_keeps_the_order() {
        let mut list = Vec::new();
        for shard in [4, 1, 9, 4, 1] {
            *in_order(&mut list, ShardId(shard), || 10 * u64::from(shard)) += 1;
        }
        assert_eq!(list, [(ShardId(1), 12), (ShardId(4), 42), (ShardId(9), 91)]);
    }
}
