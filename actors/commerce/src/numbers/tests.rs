//! An allocator under test: no number twice, in order, over restarts and lost leases.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod golden;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use codec::{pack, unpack};
use entity::{
    Bounce, BounceReason, Cause, Context, Entity, EntityKey, EventContext, Principal, Source,
    Timestamp, uuid5,
};
use proptest::prelude::*;

use super::*;
use crate::keys;
use crate::order;
use crate::order::tests::world::{staff, tenant};

pub(super) fn order_key(n: u32) -> EntityKey {
    let uuid = uuid5(kinds::ORDER, &[&n.to_be_bytes()]);
    EntityKey::derived(tenant(), kinds::ORDER, entity::Affinity(n % 3), uuid)
}

/// Slots, a root, and the messages between them.
struct World {
    allocators: BTreeMap<EntityKey, (Numbers, u64)>,
    /// From, to, command.
    messages: VecDeque<(EntityKey, EntityKey, Command)>,
    given: Vec<(EntityKey, u64)>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self {
            allocators: BTreeMap::new(),
            messages: VecDeque::new(),
            given: Vec::new(),
            now: Timestamp(1_000_000),
        }
    }

    fn state(&self, key: &EntityKey) -> (Numbers, u64) {
        self.allocators.get(key).cloned().unwrap_or_else(|| (Numbers::initial(key), 0))
    }

    fn step(
        &mut self,
        key: &EntityKey,
        decide: impl FnOnce(&Numbers, &Context<'_>) -> Result<Decision<Numbers>, Rejection>,
        from: &EntityKey,
    ) -> Result<(), Rejection> {
        let (mut state, mut version) = self.state(key);
        let (cause, system) = (Cause::default(), Principal::system(tenant()));
        let ctx = Context {
            key,
            now: self.now,
            version,
            principal: &system,
            source: Source::Entity(from),
            cause: &cause,
        };
        let decision = decide(&state, &ctx)?;
        for event in &decision.events {
            version += 1;
            let event: Event = unpack(&pack(event).unwrap()).unwrap();
            state.evolve(&EventContext { key, version, at: self.now }, &event);
        }
        assert!(state.next_deadline().is_none_or(|at| at > self.now));
        // A crash after every step: what comes back is the snapshot.
        let state = unpack(&pack(&state).unwrap()).unwrap();
        self.allocators.insert(key.clone(), (state, version));
        for effect in decision.effects {
            if effect.to.kind == kinds::ORDER {
                match unpack::<order::Command>(&effect.command).unwrap() {
                    order::Command::Number { number } => self.given.push((effect.to, number)),
                    other => panic!("{other:?}"),
                }
            } else {
                let command = unpack(&effect.command).unwrap();
                self.messages.push_back((key.clone(), effect.to, command));
            }
        }
        Ok(())
    }

    fn request(&mut self, n: u32) -> Result<(), Rejection> {
        let order = order_key(n);
        let slot = keys::numbers_slot(&order);
        let command = Command::Request { order: order.clone() };
        self.step(&slot, |numbers, ctx| numbers.decide(ctx, command), &order)
    }

    fn deliver(&mut self) -> bool {
        let Some((from, to, command)) = self.messages.pop_front() else { return false };
        self.step(&to, |numbers, ctx| numbers.decide(ctx, command), &from).unwrap();
        true
    }

    fn wake(&mut self) {
        let due = |state: &Numbers| state.next_deadline().is_some_and(|at| at <= self.now);
        let keys: Vec<_> = self
            .allocators
            .iter()
            .filter(|(_, (state, _))| due(state))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.step(&key, |numbers, ctx| Ok(numbers.wake(ctx)), &key).unwrap();
        }
    }
}

#[test]
fn numbers_come_in_the_order_of_requests() {
    let mut world = World::new();
    for n in 0..10 {
        world.request(n * 3).unwrap();
    }
    assert!(world.given.is_empty(), "the first block is under way");
    while world.deliver() {}
    let given: Vec<u64> = world.given.iter().map(|(_, number)| *number).collect();
    assert_eq!(given, (FIRST..FIRST + 10).collect::<Vec<_>>());
    let orders: Vec<_> = world.given.iter().map(|(order, _)| order.clone()).collect();
    assert_eq!(orders, (0..10).map(|n| order_key(n * 3)).collect::<Vec<_>>());
    world.request(300).unwrap();
    assert_eq!(world.given.last(), Some(&(order_key(300), FIRST + 10)), "at once now");
}

#[test]
fn the_next_block_is_asked_for_before_the_present_one_ends() {
    let mut world = World::new();
    world.request(0).unwrap();
    while world.deliver() {}
    for n in 1..1_500 {
        world.request(n * 3).unwrap();
        world.deliver();
        world.deliver();
    }
    assert_eq!(world.given.len(), 1_500, "nobody waited");
    let root = keys::numbers_root(&tenant());
    assert_eq!(world.state(&root).0.n_leased, 2);
}

#[test]
fn a_lost_lease_is_asked_for_again() {
    let mut world = World::new();
    world.request(0).unwrap();
    world.messages.clear();
    let slot = keys::numbers_slot(&order_key(0));
    assert_eq!(world.state(&slot).0.next_deadline(), Some(world.now.plus_ms(REPEAT_AFTER_MS)));
    world.now = world.now.plus_ms(REPEAT_AFTER_MS);
    world.wake();
    while world.deliver() {}
    assert_eq!(world.given, [(order_key(0), FIRST)]);
    assert_eq!(world.state(&slot).0.next_deadline(), None);
}

#[test]
fn too_many_that_wait_are_refused() {
    let mut world = World::new();
    for n in 0..WAITING_MAX as u32 {
        world.request(n * 3).unwrap();
    }
    assert_eq!(world.request(9_999), Err(Rejection::Full));
    while world.deliver() {}
    assert_eq!(world.given.len(), WAITING_MAX);
    world.request(9_999).unwrap();
    while world.deliver() {}
    assert_eq!(world.given.len(), WAITING_MAX + 1);
}

#[test]
fn nobody_calls_an_allocator() {
    let key = keys::numbers_root(&tenant());
    let numbers = Numbers::initial(&key);
    let (cause, staff) = (Cause::default(), staff());
    let ctx = Context {
        key: &key,
        now: Timestamp(1),
        version: 0,
        principal: &staff,
        source: Source::Caller,
        cause: &cause,
    };
    assert_eq!(numbers.decide(&ctx, Command::Lease).unwrap_err(), Rejection::WrongSource);
    let view = View { next: FIRST, left: 0, n_waiting: 0 };
    assert_eq!(numbers.query(&ctx, &Query::View), Answer::Ready(view));
    let command = pack(&Command::Lease).unwrap();
    let bounce = Bounce { from: &key, command: &command, reason: &BounceReason::Expired };
    assert!(numbers.bounced(&ctx, &bounce).events.is_empty());
    let last = Numbers { n_leased: u64::MAX / BLOCK, ..numbers };
    let from = order_key(1);
    let ctx = Context { source: Source::Entity(&from), ..ctx };
    assert_eq!(last.decide(&ctx, Command::Lease).unwrap_err(), Rejection::Exhausted);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Requests, deliveries, losses and timers in any order: no number twice, none without a block.
    #[test]
    fn no_number_twice(acts in prop::collection::vec((0..8u8, 1..400u32), 1..40)) {
        let mut world = World::new();
        let mut n_orders = 0;
        for (act, n) in acts {
            match act {
                0..4 => {
                    for _ in 0..n {
                        n_orders += 1;
                        let _ = world.request(n_orders);
                    }
                }
                4..6 => {
                    for _ in 0..n {
                        world.deliver();
                    }
                }
                6 => {
                    world.messages.pop_front();
                }
                _ => {
                    world.now = world.now.plus_ms(u64::from(n) * 50);
                    world.wake();
                }
            }
        }
        let numbers: BTreeSet<u64> = world.given.iter().map(|(_, number)| *number).collect();
        prop_assert_eq!(numbers.len(), world.given.len(), "a number was given twice");
        let orders: BTreeSet<_> = world.given.iter().map(|(order, _)| order.clone()).collect();
        prop_assert_eq!(orders.len(), world.given.len(), "an order got two");
        let (root, _) = world.state(&keys::numbers_root(&tenant()));
        let end = FIRST + root.n_leased * BLOCK;
        prop_assert!(numbers.iter().all(|number| (FIRST..end).contains(number)));
    }
}
