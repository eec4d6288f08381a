//! Pages against a list that is filtered and sorted in memory.

use entity::{EntityKey, PrincipalKind, Timestamp};
use proptest::prelude::*;

use super::orders::{after, moves, order, placed};
use super::{Rows, tenant};
use crate::order::{PaymentStatus, Status};
use crate::views::orders::{Buyer, OrderList};
use crate::views::{SCANNED_MAX, Sort};

const STATUS: [Status; 3] = [Status::Processing, Status::Confirmed, Status::Cancelled];
const PAYMENT: [PaymentStatus; 3] =
    [PaymentStatus::None, PaymentStatus::CodDue, PaymentStatus::Paid];
const WHO: [(PrincipalKind, &str); 3] = [
    (PrincipalKind::Customer, "ann"),
    (PrincipalKind::Guest, "bob"),
    (PrincipalKind::Guest, "ann"),
];

/// An order of the model: time, buyer, first and last words.
type Model = (u64, usize, (usize, usize), (usize, usize));

fn filled(model: &[Model]) -> Rows {
    let mut rows = Rows::orders();
    for (n, (at, who, first, last)) in (0..).zip(model) {
        let words = |(status, payment): &(usize, usize)| after(STATUS[*status], PAYMENT[*payment]);
        let (kind, subject) = WHO[*who];
        rows.happen(&order(n), *at, &placed(kind, subject, words(first)));
        rows.happen(&order(n), *at, &moves(words(last)));
    }
    rows
}

/// The orders that a list should hold, in order.
fn expected(model: &[Model], list: &OrderList, who: Option<usize>) -> Vec<EntityKey> {
    let id = |key: &EntityKey| {
        let entity::EntityId::Uuid(uuid) = key.id else { panic!("orders have derived ids") };
        (key.affinity, uuid)
    };
    let mut found: Vec<_> = (0..)
        .zip(model)
        .filter(|(_, (at, buyer, _, (status, payment)))| {
            (list.from.0..=list.to.0).contains(at)
                && who.is_none_or(|who| who == *buyer)
                && (list.status.is_empty() || list.status.contains(&STATUS[*status]))
                && (list.payment.is_empty() || list.payment.contains(&PAYMENT[*payment]))
        })
        .map(|(n, (at, ..))| (std::cmp::Reverse(*at), order(n)))
        .collect();
    found.sort_by(|(a, x), (b, y)| (a, id(x)).cmp(&(b, id(y))));
    if list.sort == Sort::OldestFirst {
        found.reverse();
    }
    found.into_iter().map(|(_, key)| key).collect()
}

fn model() -> impl Strategy<Value = Vec<Model>> {
    let words = || (0..3_usize, 0..3_usize);
    proptest::collection::vec((0..12_u64, 0..3_usize, words(), words()), 0..40)
}

fn list() -> impl Strategy<Value = (OrderList, Option<usize>)> {
    let some = |n| proptest::collection::vec(0..n, 0..3);
    let times = (0..12_u64, 0..14_u64);
    (some(3_usize), some(3_usize), times, any::<bool>(), proptest::option::of(0..3_usize)).prop_map(
        |(status, payment, (from, to), newest, who)| {
            let buyer = who.and_then(|who| Buyer::of(&tenant(), WHO[who].0, WHO[who].1));
            let list = OrderList {
                buyer,
                status: status.into_iter().map(|at| STATUS[at]).collect(),
                payment: payment.into_iter().map(|at| PAYMENT[at]).collect(),
                from: Timestamp(from),
                to: if to > 12 { Timestamp::MAX } else { Timestamp(to) },
                sort: if newest { Sort::NewestFirst } else { Sort::OldestFirst },
                tenant: tenant(),
            };
            (list, who)
        },
    )
}

proptest! {
    #[test]
    fn pages_make_the_list((list, who) in list(), model in model(), limit in 1..9_usize) {
        let rows = filled(&model);
        let pages = rows.pages(&list, limit);
        let found: Vec<EntityKey> = pages
            .iter()
            .flat_map(|page| &page.entries)
            .map(|entry| list.key(entry).unwrap())
            .collect();
        let expected = expected(&model, &list, who);
        prop_assert_eq!(&found, &expected);
        for page in &pages {
            prop_assert!(page.entries.len() <= limit);
            prop_assert!(page.next.is_none() || page.entries.len() == limit);
        }
        prop_assert_eq!(pages.len(), expected.len().div_ceil(limit).max(1), "no empty last page");
    }
}

#[test]
fn a_page_looks_at_so_many_rows_and_says_that_more_may_follow() {
    let mut rows = Rows::orders();
    let (dull, rare) = (
        after(Status::Confirmed, PaymentStatus::None),
        after(Status::Confirmed, PaymentStatus::Paid),
    );
    let n = u32::try_from(SCANNED_MAX).unwrap() + 500;
    for at in 0..n {
        let words = if at == 3 { rare } else { dull };
        rows.happen(&order(at), u64::from(at), &placed(PrincipalKind::Customer, "ann", words));
    }
    let list = OrderList {
        status: vec![Status::Confirmed],
        payment: vec![PaymentStatus::Paid],
        ..OrderList::all(tenant())
    };
    let first = rows.page(list.clone(), 20, None);
    assert!(first.entries.is_empty() && first.next.is_some(), "short, but not the last");
    let second = rows.page(list.clone(), 20, first.next.as_deref());
    assert_eq!((second.entries.len(), &second.next), (1, &None));
    assert_eq!(list.key(&second.entries[0]), Some(order(3)));
}

#[test]
fn an_order_that_moves_between_two_scans_is_listed_once() {
    let mut rows = Rows::orders();
    let words = |status| after(status, PaymentStatus::None);
    for n in 0..4 {
        let placed = placed(PrincipalKind::Customer, "ann", words(Status::Processing));
        rows.happen(&order(n), u64::from(n), &placed);
    }
    let status = vec![Status::Processing, Status::Confirmed];
    let list = OrderList { status, ..OrderList::all(tenant()) };
    let mut pager = crate::views::Pager::new(list, 9, None);
    let scan = pager.scan().unwrap();
    pager.feed(rows.scan(&scan)).unwrap();
    rows.happen(&order(2), 9, &moves(words(Status::Confirmed)));
    while let Some(scan) = pager.scan() {
        pager.feed(rows.scan(&scan)).unwrap();
    }
    assert_eq!(pager.page().entries.len(), 4);
}
