//! Goods that leave and come back: the rows Ship and Restock (domain.md 3).

use expect_test::{Expect, expect};

use super::{World, script};

/// Given ten units at `main` and a price: the lines at the margin are told, the others follow.
fn check(table: Expect) {
    table.assert_eq(&script(&mut World::stocked(10), table.data()));
}

#[test]
fn ship_takes_committed_units_once() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            ship a s1 main 4
              -> ShipRefused a s1
            ship a s1 nowhere 1
              -> ShipRefused a s1
            ship a s1 main 0
              -> ShipRefused a s1
            ship a s1 main 2
              Shipped 2 of a from main in s1; left 7
              -> Shipped a s1
            ship a s1 main 2
              -> Shipped a s1
            stock
              main: on hand 8, held 0, pinned 0, committed 1, sellable 7
            ship a s2 main 1
              Shipped 1 of a from main in s2; left 7
              -> Shipped a s2
            ship a s2 main 1
              -> Shipped a s2
            ship a s1 main 2
              -> Shipped a s1
            ship b s1 main 1
              -> ShipRefused b s1
            hold a 1 3
              -> HoldAcked a/1 main 3 committed
            commit a
              -> Committed a
            holds
              a: Consumed [("main", 3)]
        "#]]);
}

#[test]
fn ship_cannot_take_what_is_not_on_hand() {
    check(expect![[r#"
            policy main 0 5
              PolicySet main -0 +5; left 15
            hold a 1 12 commit
              Held a/1 [(0, 12)] Committed 60 s by o1; left 3, now Low
              -> HoldAcked a/1 main 12 committed
            ship a s1 main 12
              -> ShipRefused a s1
            adjust main +2 receipt
              Received main +2 (receipt), short 0; left 5
              = movement 2, shortfall 0, available 5
            ship a s1 main 12
              Shipped 12 of a from main in s1; left 5
              -> Shipped a s1
            stock
              main: on hand 0, held 0, pinned 0, committed 0, sellable 5
        "#]]);
}

#[test]
fn restock_of_committed_units_leaves_them_on_hand() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            restock a r1 main 2 bad
              Restocked 2 Committed of a at main by r1, Unusable; left 9
              -> Restocked a r1
            restock a r1 main 2 bad
              -> Restocked a r1
            stock
              main: on hand 10, held 0, pinned 0, committed 1, sellable 9
            restock a r2 main 2 good
              no: not that many of a
            restock a r3 main 1 good
              Restocked 1 Committed of a at main by r3, BackInStock; left 10
              -> Restocked a r3
            restock a r3 main 1 good
              -> Restocked a r3
            stock
              main: on hand 10, held 0, pinned 0, committed 0, sellable 10
            holds
              a: Restocked [("main", 3)]
        "#]]);
}

#[test]
fn restock_of_shipped_units_is_a_new_movement() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            ship a s1 main 3
              Shipped 3 of a from main in s1; left 7
              -> Shipped a s1
            restock a r1 main 1 good
              Restocked 1 Shipped of a at main by r1, BackInStock; left 8
              -> Restocked a r1
            restock a r1 main 1 good
              -> Restocked a r1
            restock a r2 other 1 bad
              Restocked 1 Shipped of a at other by r2, Unusable; left 8
              -> Restocked a r2
            restock a r3 other 2 good
              no: not that many of a
            restock a r3 other 1 good
              Restocked 1 Shipped of a at other by r3, BackInStock; left 9
              -> Restocked a r3
            stock
              main: on hand 8, held 0, pinned 0, committed 0, sellable 8
              other: on hand 1, held 0, pinned 0, committed 0, sellable 1
            restock b r1 main 1 good
              Restocked 1 Shipped of b at main by r1, BackInStock; left 10
              -> Restocked b r1
            restock b r1 main 1 good
              -> Restocked b r1
            restock b r2 bad/name 1 good
              no: /location format
            restock b r2 main 0 good
              no: /qty range
            stock
              main: on hand 9, held 0, pinned 0, committed 0, sellable 9
              other: on hand 1, held 0, pinned 0, committed 0, sellable 1
            holds
              a: Consumed [("main", 3)]
        "#]]);
}

#[test]
fn a_hold_that_begins_anew_remembers_what_was_shipped_under_it() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            ship a s1 main 3
              Shipped 3 of a from main in s1; left 7
              -> Shipped a s1
            hold a 2 2
              Held a/2 [(0, 2)] Held 60 s by o1; left 5, now Low
              -> HoldAcked a/2 main 2 until 1060 s
            restock a r1 main 3 good
              Restocked 3 Shipped of a at main by r1, BackInStock; left 8, now InStock
              -> Restocked a r1
            ship a s1 main 3
              -> Shipped a s1
            pin a 2
              Pinned a
              -> Pinned a/2
            commit a
              Committed a
              -> Committed a
            stock
              main: on hand 10, held 0, pinned 0, committed 2, sellable 8
            ship a s2 main 2
              Shipped 2 of a from main in s2; left 8
              -> Shipped a s2
            restock a r1 main 3 good
              -> Restocked a r1
            restock a r2 main 3 good
              no: not that many of a
            restock a r2 main 2 good
              Restocked 2 Shipped of a at main by r2, BackInStock; left 10
              -> Restocked a r2
            hold a 3 4 commit
              Held a/3 [(0, 4)] Committed 60 s by o1; left 6
              -> HoldAcked a/3 main 4 committed
            stock
              main: on hand 10, held 0, pinned 0, committed 4, sellable 6
        "#]]);
}

#[test]
fn restock_takes_unusable_units_for_shipped_ones_where_both_are() {
    check(expect![[r#"
            hold a 1 4 commit
              Held a/1 [(0, 4)] Committed 60 s by o1; left 6
              -> HoldAcked a/1 main 4 committed
            ship a s1 main 2
              Shipped 2 of a from main in s1; left 6
              -> Shipped a s1
            restock a r1 main 1 bad
              Restocked 1 Shipped of a at main by r1, Unusable; left 6
              -> Restocked a r1
            restock a r2 main 1 good
              Restocked 1 Committed of a at main by r2, BackInStock; left 7
              -> Restocked a r2
            stock
              main: on hand 8, held 0, pinned 0, committed 1, sellable 7
        "#]]);
}
