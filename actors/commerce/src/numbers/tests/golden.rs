//! Frozen bytes of an allocator: every stored type, every variant. It has no replies.

use expect_test::expect_file;

use super::*;
use crate::order::tests::golden::{check, named};

#[test]
fn every_variant() {
    let (order, from, len) = (order_key(7), 11_001, 1_000.try_into().unwrap());
    let commands = named(vec![
        Command::Request { order: order.clone() },
        Command::Lease,
        Command::Leased { from, len },
    ]);
    check(3, &commands, &expect_file!["../golden/command.hex"]);
    let events = named(vec![
        Event::Given,
        Event::Queued { order: order.clone() },
        Event::LeaseAsked,
        Event::BlockAdded { from, len, n_served: 3 },
        Event::BlockLeased,
    ]);
    check(5, &events, &expect_file!["../golden/event.hex"]);
    let rejections = named(vec![Rejection::WrongSource, Rejection::Full, Rejection::Exhausted]);
    check(3, &rejections, &expect_file!["../golden/rejection.hex"]);
    let views = named(vec![View { next: 10_023, left: 978, n_waiting: 2 }]);
    check(1, &views, &expect_file!["../golden/view.hex"]);
    check(1, &named(vec![Query::View]), &expect_file!["../golden/query.hex"]);
    let mut world = World::new();
    for n in 0..3 {
        world.request(n * 3).unwrap();
    }
    let slot = keys::numbers_slot(&order);
    let waiting = world.state(&keys::numbers_slot(&order_key(0))).0;
    while world.deliver() {}
    let states = [
        ("new".to_owned(), world.state(&slot).0),
        ("waiting".to_owned(), waiting),
        ("stocked".to_owned(), world.state(&keys::numbers_slot(&order_key(0))).0),
        ("root".to_owned(), world.state(&keys::numbers_root(&tenant())).0),
    ];
    check(4, &states, &expect_file!["../golden/state.hex"]);
}
