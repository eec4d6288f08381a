//! Staff: description, prices, policy, receipts and counts; and what may be seen.

use entity::{Answer, PrincipalKind, Scope, Scopes};
use expect_test::{Expect, expect};

use super::*;

/// Given a world: the lines at the margin are told, the others follow.
fn check(mut world: World, table: Expect) {
    table.assert_eq(&script(&mut world, table.data()));
}

#[test]
fn put_creates_links_and_moves_to_another_product() {
    check(
        World::new(),
        expect![[r#"
            put p1 if=3
              no: VersionMismatch { version: 0 }
            put p1 if=exists
              no: VersionMismatch { version: 0 }
            put p1 if=absent
              Put in p1: A thing
              -> LinkSku { sku: "demo-001" }
            put p1 if=absent
              no: VersionMismatch { version: 1 }
            put p1
            put p2 if=1
              Put in p2: A thing
              -> UnlinkSku { sku: "demo-001" }
              -> LinkSku { sku: "demo-001" }
            put p2 title=Other if=2
              Put in p2: Other
            put p2 if=1
              no: VersionMismatch { version: 3 }
            put p2 title=Other if=exists
            put bad/id
              no: /product_id format
            put p2 title=
              no: /title length
            customer: put p1
              no: Forbidden
            clerk: put p1
              no: Forbidden
            product: archive yes
        "#]],
    );
}

/// Whoever read a SKU may edit it while it is sold, and not over another edit.
#[test]
fn a_tag_outlives_sales_and_no_edit() {
    check(
        World::new(),
        expect![[r#"
            put p1
              Put in p1: A thing
              -> LinkSku { sku: "demo-001" }
            policy main 0 0 if=1
              PolicySet main -0 +0; left 0
            adjust main 10 received
              Received main +10 (received), short 0; left 10, now InStock
              = movement 1, shortfall 0, available 10
            adjust main 5 received
              Received main +5 (received), short 0; left 15
              = movement 2, shortfall 0, available 15
            policy main 2 0 if=1
              no: VersionMismatch { version: 4 }
            policy main 2 0 if=2
              PolicySet main -2 +0; left 13
            adjust main 5 received
              Received main +5 (received), short 0; left 18
              = movement 3, shortfall 0, available 18
            put p1 title=Other if=5
              Put in p1: Other
            policy main 3 0 if=5
              no: VersionMismatch { version: 7 }
            put p1 title=Another if=9
              no: VersionMismatch { version: 7 }
        "#]],
    );
}

#[test]
fn prices_have_one_version_per_sku() {
    check(
        World::new(),
        expect![[r#"
            price 100
              no: NotFound
            put p1
              Put in p1: A thing
              -> LinkSku { sku: "demo-001" }
            price 100 if=exists
              no: VersionMismatch { version: 0 }
            price 100 if=absent
              PriceSet default 100 USD, version 1
            price 100 if=absent
              no: VersionMismatch { version: 1 }
            price 100 if=exists
            price 200 if=1
              PriceSet default 200 USD, version 2
            price 200 if=1
              no: VersionMismatch { version: 2 }
            price 200 if=2
            price 300 book=vip if=absent
              PriceSet vip 300 USD, version 3
            price 400 if=2
              no: VersionMismatch { version: 3 }
            price -1
              no: /amount negative
            price 9007199254740992
              no: MoneyOverflow
            price 1 book=
              no: /book length
        "#]],
    );
}

#[test]
fn policy_keeps_back_and_oversells() {
    check(
        World::stocked(10),
        expect![[r#"
            policy main 4 0
              PolicySet main -4 +0; left 6
            policy main 4 0
            policy main 4 0 if=3
              no: VersionMismatch { version: 4 }
            policy main 2 3 if=4
              PolicySet main -2 +3; left 11
            hold a 1 11
              Held a/1 [(0, 11)] Held 60 s by o1; left 0, now Out
              -> HoldAcked a/1 main 11 until 1060 s
            policy main 8 0
              PolicySet main -8 +0; left 0
            stock
              main: on hand 10, held 11, pinned 0, committed 0, sellable -9
            hold b 1 1
              -> HoldRejected b/1 OutOfStock, 0 left
            policy new 0 0 if=exists
              no: VersionMismatch { version: 0 }
            policy new 0 0 if=absent
              PolicySet new -0 +0; left 0
            policy new 0 0 if=absent
              no: VersionMismatch { version: 8 }
            policy new 0 0 if=exists
            policy main 1000000001 0
              no: /safety too_large
            clerk: policy main 0 0
              no: Forbidden
        "#]],
    );
}

#[test]
fn adjustments_count_and_never_go_below_nothing() {
    check(
        World::stocked(10),
        expect![[r#"
            adjust main -3 damaged
              Adjusted main -3 (damaged), short 0; left 7
              = movement 2, shortfall 0, available 7
            adjust main +2 found
              Adjusted main +2 (found), short 0; left 9
              = movement 3, shortfall 0, available 9
            count main 12
              Counted main +3 (counted), short 0; left 12
              = movement 4, shortfall 0, available 12
            adjust main -13 lost
              no: NegativeOnHand { on_hand: 12 }
            adjust main +1000000000 receipt
              no: /delta too_large
            adjust main +0 checked
              Adjusted main +0 (checked), short 0; left 12
              = movement 5, shortfall 0, available 12
            adjust ma/in +1 receipt
              no: /location format
            customer: adjust main +1 receipt
              no: Forbidden
            stock
              main: on hand 12, held 0, pinned 0, committed 0, sellable 12
        "#]],
    );
}

#[test]
fn a_count_below_what_is_promised_revokes_the_newest_unpinned_holds() {
    check(
        World::stocked(10),
        expect![[r#"
            hold a 1 2 commit
              Held a/1 [(0, 2)] Committed 60 s by o1; left 8
              -> HoldAcked a/1 main 2 committed
            hold b 1 3
              Held b/1 [(0, 3)] Held 60 s by o1; left 5, now Low
              -> HoldAcked b/1 main 3 until 1060 s
            after 1
            hold c 1 2
              Held c/1 [(0, 2)] Held 60 s by o1; left 3
              -> HoldAcked c/1 main 2 until 1061 s
            after 1
            hold d 1 1
              Held d/1 [(0, 1)] Held 60 s by o1; left 2
              -> HoldAcked d/1 main 1 until 1062 s
            pin d 1
              Pinned d
              -> Pinned d/1
            count main 4
              Counted main -6 (counted), short 4; left 0, now Out
              Revoked c b; left 1, now Low
              = movement 2, shortfall 4, available 1
            stock
              main: on hand 4, held 0, pinned 1, committed 2, sellable 1
            pin c 1
              -> Gone c/1
            commit b
              -> CommitRefused b Expired
            count main 1
              Counted main -3 (counted), short 2; left 0, now Out
              = movement 3, shortfall 2, available 0
            stock
              main: on hand 1, held 0, pinned 1, committed 2, sellable -2
            holds
              a: Committed [("main", 2)]
              b: Expired [("main", 3)]
              c: Expired [("main", 2)]
              d: Pinned [("main", 1)]
        "#]],
    );
}

#[test]
fn nothing_is_known_before_it_is_put() {
    check(
        World::new(),
        expect![[r#"
            adjust main +1 receipt
              no: NotFound
            policy main 0 0
              no: NotFound
            hold a 1 1
              -> HoldRejected a/1 NotForSale, 0 left
            product: archive yes
        "#]],
    );
    let query = World::new().ask(&operator(), &Query::Get);
    assert_eq!(query, Answer::Rejected(Rejection::NotFound));
}

#[test]
fn everyone_sees_the_sku_and_staff_see_its_stock() {
    let mut world = World::stocked(10);
    for line in ["hold a 1 3", "hold b 1 2 commit", "price 700 book=vip", "adjust east +1 receipt"]
    {
        world.run(line);
    }
    let customer = By::Caller(PrincipalKind::Customer, Scopes::ALL);
    let no_scope = By::Caller(PrincipalKind::Operator, Scopes::default().with(Scope::OrdersRead));
    let page = |after| Query::Holds { after, limit: 1 };
    let queries = [
        Query::Get,
        Query::Price { book: "vip".into() },
        Query::Price { book: "none".into() },
        Query::Stock,
        page(None),
        page(Some(id("a"))),
        page(Some(id("b"))),
        Query::Movements { before: None, limit: 1 },
        Query::Movements { before: Some(2), limit: 0 },
    ];
    let mut out = String::new();
    for query in &queries {
        for (who, by) in
            [("customer", &customer), ("no scope", &no_scope), ("operator", &operator())]
        {
            let answer = match world.ask(by, query) {
                Answer::Ready(view) => format!("{view:#?}"),
                Answer::NotYet(_) => panic!("a SKU waits for nothing"),
                Answer::Rejected(rejection) => format!("no: {rejection:?}"),
            };
            if who == "operator" || answer.starts_with("no") {
                let _ = writeln!(out, "{who}: {query:?}\n{answer}");
            }
        }
    }
    expect_test::expect_file!["./views.txt"].assert_eq(&out);
}

#[test]
fn the_public_face_is_made_of_the_event() {
    let mut world = World::new();
    let mut out = String::new();
    for line in [
        "put p1",
        "price 1099",
        "adjust main +10 receipt",
        "policy main 1 0",
        "hold a 1 4",
        "hold b 1 5",
        "commit a",
        "release b 1",
        "count main 2",
        "restock a r1 main 4 good",
        "product: archive yes",
    ] {
        let version = world.sku.version;
        let decision = world.step(line).unwrap();
        for (n, event) in (1..).zip(&decision.events) {
            let key = key();
            let ctx = EventContext { key: &key, version: version + n, at: world.now };
            let face = Sku::publication(&ctx, event).unwrap();
            assert_eq!(face, Sku::publication(&ctx, event).unwrap());
            let data = String::from_utf8(face.data).unwrap();
            let head = format!("{{\"sku\":\"demo-001\",\"version\":{}", version + n);
            let rest = data.strip_prefix(&head).unwrap();
            let _ = writeln!(out, "{line}: {}\n  ..{rest}", face.event_type);
        }
    }
    expect![[r#"
        put p1: stock.described
          ..,"product_id":"p1","title":"A thing"}
        price 1099: stock.price_changed
          ..,"book":"default","amount":{"amount":1099,"currency":"USD"},"price_version":1}
        adjust main +10 receipt: stock.changed
          ..,"available":10,"location":"main","kind":"received","qty":10}
        policy main 1 0: stock.changed
          ..,"available":9,"location":"main"}
        hold a 1 4: stock.low
          ..,"available":5}
        hold b 1 5: stock.out
          ..,"available":0}
        commit a: stock.step
          ..}
        release b 1: stock.low
          ..,"available":5}
        count main 2: stock.shortfall
          ..,"available":0,"location":"main","kind":"counted","qty":-8,"shortfall":3}
        restock a r1 main 4 good: stock.low
          ..,"available":1,"location":"main","kind":"restocked","qty":0}
        product: archive yes: stock.archived
          ..,"archived":true}
    "#]]
    .assert_eq(&out);
}
