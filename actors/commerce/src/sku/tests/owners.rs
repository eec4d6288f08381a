//! The rows of the reservation protocol, one table each (domain.md 3).

use expect_test::{Expect, expect};

use super::{World, script};

/// Given ten units at `main` and a price: the lines at the margin are told, the others follow.
fn check(table: Expect) {
    table.assert_eq(&script(&mut World::stocked(10), table.data()));
}

#[test]
fn hold_same_generation_same_reply_lower_stale_higher_another_size() {
    check(expect![[r#"
            hold a 2 4
              Held a/2 [(0, 4)] Held 60 s by o1; left 6
              -> HoldAcked a/2 main 4 until 1060 s
            after 5
            hold a 2 4
              -> HoldAcked a/2 main 4 until 1060 s
            hold a 2 9
              -> HoldAcked a/2 main 4 until 1060 s
            hold a 1 4
              -> Stale a/1
            hold a 3 10
              Resized a/3 [(0, 10)] Held 60 s; left 0, now Out
              -> HoldAcked a/3 main 10 until 1065 s
            hold a 4 11
              -> HoldRejected a/4 OutOfStock, 10 left
            stock
              main: on hand 10, held 10, pinned 0, committed 0, sellable 0
            hold a 3 10
              -> HoldAcked a/3 main 10 until 1065 s
            hold a 4 1
              Resized a/4 [(0, 1)] Held 60 s; left 9, now InStock
              -> HoldAcked a/4 main 1 until 1065 s
            stock
              main: on hand 10, held 1, pinned 0, committed 0, sellable 9
        "#]]);
}

#[test]
fn hold_is_all_or_nothing_and_says_what_there_is() {
    check(expect![[r#"
            hold a 1 8
              Held a/1 [(0, 8)] Held 60 s by o1; left 2, now Low
              -> HoldAcked a/1 main 8 until 1060 s
            hold b 1 3
              -> HoldRejected b/1 OutOfStock, 2 left
            hold b 1 2
              Held b/1 [(0, 2)] Held 60 s by o1; left 0, now Out
              -> HoldAcked b/1 main 2 until 1060 s
            hold c 1 1
              -> HoldRejected c/1 OutOfStock, 0 left
            stock
              main: on hand 10, held 10, pinned 0, committed 0, sellable 0
        "#]]);
}

#[test]
fn hold_answers_the_same_after_it_ended_and_begins_anew_with_a_higher_generation() {
    check(expect![[r#"
            hold a 1 4 ttl=60
              Held a/1 [(0, 4)] Held 60 s by o1; left 6
              -> HoldAcked a/1 main 4 until 1060 s
            after 60
            wake
              Expired a; left 10
            hold a 1 4
              -> HoldAcked a/1 main 4 until 1060 s
            hold a 0 4
              -> Stale a/0
            hold a 2 5
              Held a/2 [(0, 5)] Held 60 s by o1; left 5, now Low
              -> HoldAcked a/2 main 5 until 1120 s
            release a 2
              Released a; left 10, now InStock
              -> Released a/2
            hold a 2 5
              -> HoldAcked a/2 main 5 until 1120 s
            hold a 3 6
              Held a/3 [(0, 6)] Held 60 s by o1; left 4, now Low
              -> HoldAcked a/3 main 6 until 1120 s
            holds
              a: Held [("main", 6)]
        "#]]);
}

#[test]
fn hold_compares_price_versions_and_whether_it_is_for_sale() {
    check(expect![[r#"
        price 1200
          PriceSet default 1200 USD, version 2
        hold a 1 1 pv=1
          -> HoldRejected a/1 PriceMoved { price_version: 2 }, 10 left
        hold a 1 1 pv=2
          Held a/1 [(0, 1)] Held 60 s by o1; left 9
          -> HoldAcked a/1 main 1 until 1060 s
        hold b 1 1 pv=3
          Held b/1 [(0, 1)] Held 60 s by o1; left 8
          -> HoldAcked b/1 main 1 until 1060 s
        product: archive yes
          ArchivedSet true
        hold c 1 1
          -> HoldRejected c/1 NotForSale, 0 left
        product: archive no
          ArchivedSet false
        hold c 1 1
          Held c/1 [(0, 1)] Held 60 s by o1; left 7
          -> HoldAcked c/1 main 1 until 1060 s
        hold d 1 0
          no: /qty range
        hold d 1 1000001
          no: /qty range
    "#]]);
}

#[test]
fn hold_splits_by_preference_then_name() {
    check(expect![[r#"
            adjust zeta +5 receipt
              Received zeta +5 (receipt), short 0; left 15
              = movement 2, shortfall 0, available 15
            adjust alpha +5 receipt
              Received alpha +5 (receipt), short 0; left 20
              = movement 3, shortfall 0, available 20
            hold a 1 12
              Held a/1 [(2, 5), (0, 7)] Held 60 s by o1; left 8
              -> HoldAcked a/1 alpha 5, main 7 until 1060 s
            release a 1
              Released a; left 20
              -> Released a/1
            hold a 2 12 prefer=zeta,nowhere,zeta
              Held a/2 [(1, 5), (2, 5), (0, 2)] Held 60 s by o1; left 8
              -> HoldAcked a/2 alpha 5, main 2, zeta 5 until 1060 s
            hold a 3 12 prefer=main
              Resized a/3 [(0, 10), (2, 2)] Held 60 s; left 8
              -> HoldAcked a/3 alpha 2, main 10 until 1060 s
            stock
              main: on hand 10, held 10, pinned 0, committed 0, sellable 0
              zeta: on hand 5, held 0, pinned 0, committed 0, sellable 5
              alpha: on hand 5, held 2, pinned 0, committed 0, sellable 3
        "#]]);
}

#[test]
fn hold_and_commit_in_one_step() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            hold a 1 3 commit
              -> HoldAcked a/1 main 3 committed
            commit a
              -> Committed a
            pin a 1
              -> Pinned a/1
            release a 1
              no: a is committed
            stock
              main: on hand 10, held 0, pinned 0, committed 3, sellable 7
        "#]]);
}

#[test]
fn pin_stops_the_clock_and_unpin_starts_it() {
    check(expect![[r#"
            hold a 1 3 ttl=60
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            pin a 2
              -> Gone a/2
            pin a 1
              Pinned a
              -> Pinned a/1
            pin a 1
              -> Pinned a/1
            after 100
            wake
            stock
              main: on hand 10, held 0, pinned 3, committed 0, sellable 7
            unpin a 30
              Unpinned a 30 s
              -> Unpinned a
            unpin a 90
              -> Unpinned a
            after 30
            pin a 1
              Expired a; left 10
              -> Gone a/1
            pin a 1
              -> Gone a/1
            unpin a 30
              -> Gone a/1
            pin b 1
              -> Gone b/1
            stock
              main: on hand 10, held 0, pinned 0, committed 0, sellable 10
        "#]]);
}

#[test]
fn a_pinned_hold_of_another_size_stays_pinned() {
    check(expect![[r#"
            hold a 1 3
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            pin a 1
              Pinned a
              -> Pinned a/1
            hold a 2 5
              Resized a/2 [(0, 5)] Pinned 60 s; left 5, now Low
              -> HoldAcked a/2 main 5 pinned
            after 100
            wake
            commit a
              Committed a
              -> Committed a
            stock
              main: on hand 10, held 0, pinned 0, committed 5, sellable 5
        "#]]);
}

#[test]
fn commit_cannot_fail_when_pinned_and_is_never_silent() {
    check(expect![[r#"
            hold a 1 3
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            pin a 1
              Pinned a
              -> Pinned a/1
            after 1000
            commit a
              Committed a
              -> Committed a
            commit a
              -> Committed a
            hold b 1 2 ttl=60
              Held b/1 [(0, 2)] Held 60 s by o1; left 5, now Low
              -> HoldAcked b/1 main 2 until 2060 s
            after 60
            commit b
              Expired b; left 7, now InStock
              -> CommitRefused b Expired
            commit b
              -> CommitRefused b Expired
            commit c
              -> CommitRefused c NoSuchHold
            hold d 1 1
              Held d/1 [(0, 1)] Held 60 s by o1; left 6
              -> HoldAcked d/1 main 1 until 2120 s
            release d 1
              Released d; left 7
              -> Released d/1
            commit d
              -> CommitRefused d NoSuchHold
            stock
              main: on hand 10, held 0, pinned 0, committed 3, sellable 7
        "#]]);
}

#[test]
fn release_is_idempotent_up_to_pinned() {
    check(expect![[r#"
            release a 1
              -> Released a/1
            hold a 2 3
              Held a/2 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/2 main 3 until 1060 s
            release a 1
              -> Stale a/1
            release a 2
              Released a; left 10
              -> Released a/2
            release a 2
              -> Released a/2
            hold b 1 3
              Held b/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked b/1 main 3 until 1060 s
            pin b 1
              Pinned b
              -> Pinned b/1
            hold b 2 30
              -> HoldRejected b/2 OutOfStock, 10 left
            release b 2
              Released b; left 10
              -> Released b/2
            stock
              main: on hand 10, held 0, pinned 0, committed 0, sellable 10
        "#]]);
}

#[test]
fn release_that_crosses_with_a_sale_is_refused_until_all_came_back() {
    check(expect![[r#"
        hold a 1 3 commit
          Held a/1 [(0, 3)] Committed 60 s by o1; left 7
          -> HoldAcked a/1 main 3 committed
        release a 1
          no: a is committed
        restock a r1 main 2 good
          Restocked 2 Committed of a at main by r1, BackInStock; left 9
          -> Restocked a r1
        release a 1
          no: a is committed
        restock a r2 main 1 good
          Restocked 1 Committed of a at main by r2, BackInStock; left 10
          -> Restocked a r2
        release a 1
          -> Released a/1
        hold b 1 3 commit
          Held b/1 [(0, 3)] Committed 60 s by o1; left 7
          -> HoldAcked b/1 main 3 committed
        ship b s1 main 2
          Shipped 2 of b from main in s1; left 7
          -> Shipped b s1
        restock b r1 main 1 good
          Restocked 1 Committed of b at main by r1, BackInStock; left 8
          -> Restocked b r1
        release b 1
          no: b is committed
        stock
          main: on hand 8, held 0, pinned 0, committed 0, sellable 8
    "#]]);
}

#[test]
fn a_committed_hold_grows_by_the_difference_and_keeps_its_base() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            hold a 2 2 ttl=60
              Grown a/2 [(0, 2)] Held 60 s; left 5, now Low
              -> HoldAcked a/2 main 2 until 1060 s
            stock
              main: on hand 10, held 2, pinned 0, committed 3, sellable 5
            pin a 2
              Pinned a
              -> Pinned a/2
            commit a
              Committed a
              -> Committed a
            hold a 3 4 ttl=60
              Grown a/3 [(0, 4)] Held 60 s; left 1
              -> HoldAcked a/3 main 4 until 1060 s
            after 60
            wake
              Expired a; left 5
            commit a
              -> CommitRefused a Expired
            hold a 4 9
              -> HoldRejected a/4 OutOfStock, 5 left
            release a 4
              -> Released a/4
            hold a 5 1 commit
              Grown a/5 [(0, 1)] Committed 60 s; left 4
              -> HoldAcked a/5 main 1 committed
            stock
              main: on hand 10, held 0, pinned 0, committed 6, sellable 4
            holds
              a: Committed [("main", 6)]
        "#]]);
}

#[test]
fn growth_may_change_its_size_and_be_given_back() {
    check(expect![[r#"
            hold a 1 3 commit
              Held a/1 [(0, 3)] Committed 60 s by o1; left 7
              -> HoldAcked a/1 main 3 committed
            hold a 2 2
              Grown a/2 [(0, 2)] Held 60 s; left 5, now Low
              -> HoldAcked a/2 main 2 until 1060 s
            hold a 3 4
              Resized a/3 [(0, 4)] Held 60 s; left 3
              -> HoldAcked a/3 main 4 until 1060 s
            release a 3
              Released a; left 7, now InStock
              -> Released a/3
            release a 3
              -> Released a/3
            stock
              main: on hand 10, held 0, pinned 0, committed 3, sellable 7
            hold a 4 2
              Grown a/4 [(0, 2)] Held 60 s; left 5, now Low
              -> HoldAcked a/4 main 2 until 1060 s
            hold a 5 1 commit
              Resized a/5 [(0, 1)] Committed 60 s; left 6, now InStock
              -> HoldAcked a/5 main 1 committed
            stock
              main: on hand 10, held 0, pinned 0, committed 4, sellable 6
            ship a s1 main 4
              Shipped 4 of a from main in s1; left 6
              -> Shipped a s1
            holds
              a: Consumed [("main", 1)]
        "#]]);
}

#[test]
fn transfer_stays_in_the_stream() {
    check(expect![[r#"
            hold a 1 3
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            o2: pin a 1
              no: Forbidden
            transfer a o3
              no: /new_owner owner
            transfer a o2
              Transferred a to o2
              -> Transferred a
            transfer a o2
              -> Transferred a
            pin a 1
              no: Forbidden
            o2: pin a 1
              Pinned a
              -> Pinned a/1
            o2: commit a
              Committed a
              -> Committed a
            transfer b o2
              -> Gone b/0
            o3: hold a 2 1
              no: Forbidden
            stranger: hold b 1 1
              no: Forbidden
        "#]]);
}

#[test]
fn owners_of_old_pinned_holds_are_asked_every_minute() {
    check(expect![[r#"
            hold a 1 3
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            pin a 1
              Pinned a
              -> Pinned a/1
            after 599
            wake
            after 1
            wake
              OwnersAsked a
              -> OwnerStatusAsked a
            wake
            status a keep
            after 60
            wake
              OwnersAsked a
              -> OwnerStatusAsked a
            o2: status a drop
            status a drop
              Released a; left 10
            status a drop
            stock
              main: on hand 10, held 0, pinned 0, committed 0, sellable 10
        "#]]);
}

#[test]
fn expiry_takes_all_that_is_due() {
    check(expect![[r#"
            hold a 1 3 ttl=60
              Held a/1 [(0, 3)] Held 60 s by o1; left 7
              -> HoldAcked a/1 main 3 until 1060 s
            hold b 1 3 ttl=60
              Held b/1 [(0, 3)] Held 60 s by o1; left 4, now Low
              -> HoldAcked b/1 main 3 until 1060 s
            hold c 1 3 ttl=61
              Held c/1 [(0, 3)] Held 61 s by o1; left 1
              -> HoldAcked c/1 main 3 until 1061 s
            after 60
            wake
              Expired a b; left 7, now InStock
            stock
              main: on hand 10, held 3, pinned 0, committed 0, sellable 7
            after 1
            wake
              Expired c; left 10
            wake
        "#]]);
}
