//! Which lists an order stands in, through its life.

use std::sync::Arc;

use entity::{EntityKey, PrincipalKind, Timestamp};
use expect_test::expect;

use super::{Rows, tenant};
use crate::customer::Address;
use crate::keys;
use crate::money::Ccy;
use crate::order::{
    After, Event, Fact, FulfilmentStatus, Owner, PaymentStatus, PricedOrder, Status, Terms, Timers,
    Totals, TxnType,
};
use crate::views::orders::{Buyer, OrderList};

pub(super) fn order(n: u32) -> EntityKey {
    keys::order(&keys::cart(&tenant(), &format!("cart-{n}")), 1)
}

pub(super) fn after(status: Status, payment: PaymentStatus) -> After {
    After { status, on_hold: false, payment, fulfilment: FulfilmentStatus::Unfulfilled }
}

pub(super) fn placed(kind: PrincipalKind, subject: &str, after: After) -> Event {
    let priced = PricedOrder {
        quote_hash: "h".into(),
        ccy: Ccy::parse("USD").unwrap(),
        lines: Vec::new(),
        totals: Totals::default(),
    };
    let address = Address {
        name: "n".into(),
        line1: "l".into(),
        line2: None,
        city: "c".into(),
        region: None,
        postal_code: "p".into(),
        country: "US".into(),
        phone: None,
    };
    let terms = Terms {
        cart: keys::cart(&tenant(), "c"),
        generation: 1,
        owner: Owner { kind, subject: subject.into() },
        channel: "web".into(),
        locale: "en".into(),
        txn_type: TxnType::Fixed,
        tenders: Vec::new(),
        priced,
        address,
        shipping_option: "standard".into(),
        timers: Timers::default(),
    };
    Event { after, fact: Fact::Placed(Arc::new(terms)) }
}

pub(super) const fn moves(after: After) -> Event {
    Event { after, fact: Fact::Retried }
}

const PROCESSING: After = After {
    status: Status::Processing,
    on_hold: false,
    payment: PaymentStatus::None,
    fulfilment: FulfilmentStatus::Unfulfilled,
};

/// The orders of a list, as their numbers.
fn listed(rows: &Rows, list: OrderList) -> Vec<u32> {
    let page = rows.page(list.clone(), 100, None);
    let number = |key: EntityKey| (0..100).find(|n| order(*n) == key).unwrap();
    page.entries.iter().map(|entry| number(list.key(entry).unwrap())).collect()
}

fn of_status(status: &[Status]) -> OrderList {
    OrderList { status: status.to_vec(), ..OrderList::all(tenant()) }
}

fn of(kind: PrincipalKind, subject: &str) -> OrderList {
    OrderList { buyer: Buyer::of(&tenant(), kind, subject), ..OrderList::all(tenant()) }
}

#[test]
fn an_order_stands_in_the_lists_of_its_words() {
    let mut rows = Rows::orders();
    let confirmed = after(Status::Confirmed, PaymentStatus::CodDue);
    assert_eq!(rows.happen(&order(1), 10, &placed(PrincipalKind::Customer, "ann", PROCESSING)), 5);
    assert_eq!(rows.happen(&order(1), 11, &moves(PROCESSING)), 0, "the same words: nothing");
    rows.happen(&order(2), 12, &placed(PrincipalKind::Customer, "bob", PROCESSING));
    rows.happen(&order(1), 13, &moves(confirmed));
    let held = After { on_hold: true, ..confirmed };
    assert_eq!(rows.happen(&order(1), 14, &moves(held)), 5, "rewritten where it stands");

    assert_eq!(listed(&rows, OrderList::all(tenant())), [2, 1], "newest first");
    assert_eq!(listed(&rows, of_status(&[Status::Processing])), [2]);
    assert_eq!(listed(&rows, of_status(&[Status::Confirmed])), [1]);
    assert_eq!(listed(&rows, of_status(&[Status::Confirmed, Status::Processing])), [2, 1]);
    assert_eq!(listed(&rows, of_status(&[Status::Cancelled])), [] as [u32; 0]);
    let due = OrderList { payment: vec![PaymentStatus::CodDue], ..OrderList::all(tenant()) };
    assert_eq!(listed(&rows, due.clone()), [1]);
    let none = OrderList { status: vec![Status::Processing], ..due };
    assert_eq!(listed(&rows, none), [] as [u32; 0], "both filters hold");

    assert_eq!(listed(&rows, of(PrincipalKind::Customer, "ann")), [1]);
    assert_eq!(listed(&rows, of(PrincipalKind::Guest, "ann")), [] as [u32; 0], "not the same");
    let all_of_ann =
        Buyer { kind: None, ..Buyer::of(&tenant(), PrincipalKind::Customer, "ann").unwrap() };
    let list = OrderList { buyer: Some(all_of_ann), ..OrderList::all(tenant()) };
    let entry = rows.page(list, 1, None).entries.remove(0);
    assert_eq!((entry.row.created, entry.row.on_hold), (Timestamp(10), true));
    assert_eq!(rows.rows.len(), 10, "five rows each, none left behind");
}

#[test]
fn another_shop_sees_nothing_of_it() {
    let mut rows = Rows::orders();
    rows.happen(&order(1), 10, &placed(PrincipalKind::Customer, "ann", PROCESSING));
    for other in ["acm", "acme2", "acmf", "", "acme\0"] {
        let list = OrderList::all(entity::Tenant::new(other));
        assert_eq!(rows.page(list, 9, None).entries, [], "{other:?}");
    }
}

#[test]
fn what_comes_before_placing_is_not_listed() {
    let mut rows = Rows::orders();
    assert_eq!(rows.happen(&order(1), 10, &moves(PROCESSING)), 0);
    assert!(rows.rows.is_empty());
}

/// Other bytes need another version of the view.
#[test]
fn keys_and_rows_are_these_bytes() {
    let mut rows = Rows::orders();
    let at = 1_795_000_000_000;
    let words = after(Status::AwaitingPayment, PaymentStatus::CodDue);
    rows.happen(&order(1), at, &placed(PrincipalKind::Customer, "ann", words));
    let mut text = String::new();
    for (key, row) in &rows.rows {
        text.push_str(&format!("{}\n    = {}\n", super::hex(key), super::hex(row)));
    }
    expect![[r#"
        0161636d650001a9b118aafc22065cb6b15c2c932f9dd883d2274e
            = fd005e56eea1010000fc19dc6435101e9395c6c8fe58b795d36d6c3f56a23d0101000400
        0261636d6500013564dc191e9395c6c8fe58b795d36d6c3f56a23dfffffe5e11a9a1ffa9b118aafc
              22065cb6b15c2c932f9dd883d2274e
            = fd005e56eea1010000fc19dc6435101e9395c6c8fe58b795d36d6c3f56a23d0101000400
        0361636d650001fffffe5e11a9a1ffa9b118aafc22065cb6b15c2c932f9dd883d2274e
            = fd005e56eea1010000fc19dc6435101e9395c6c8fe58b795d36d6c3f56a23d0101000400
        0461636d65000102fffffe5e11a9a1ffa9b118aafc22065cb6b15c2c932f9dd883d2274e
            = fd005e56eea1010000fc19dc6435101e9395c6c8fe58b795d36d6c3f56a23d0101000400
        0561636d65000105fffffe5e11a9a1ffa9b118aafc22065cb6b15c2c932f9dd883d2274e
            = fd005e56eea1010000fc19dc6435101e9395c6c8fe58b795d36d6c3f56a23d0101000400
    "#]]
    .assert_eq(&text);
}
