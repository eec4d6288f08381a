//! The lists of orders, read to their end by short pages, against the orders; and the rows of the
//! catalogue against the SKUs.
//!
//! `views.rs` folds rows with the view's own function; here nothing is taken from it. Each order
//! stands once in the list of all, of its buyer, of its status and of its payment, and in no other
//! one; each list is in the order that it says; a row has the words of its order. Read off the
//! rows that the run left, by the pager that a node uses. Orders that the view has not come to
//! yet are passed over. `looked_at`: orders in lists, and SKUs.

use std::collections::{BTreeMap, BTreeSet};

use commerce::order::{PaymentStatus, Status};
use commerce::sku::DEFAULT_BOOK;
use commerce::views::catalogue::{self, SkuRow};
use commerce::views::orders::{Buyer, NAME, OrderList, OrderRow};
use commerce::views::{Entry, Pager, Scan, Sort};
use entity::EntityKey;
use ports::{MemoryStore, StoreError};

use super::journal::{Findings, Listed, Stocked, World};
use super::views::{Places, Rows, shown};

/// Orders on a page: few, so that lists have several.
const PAGE: usize = 7;

const STATUSES: [Status; 8] = [
    Status::Processing,
    Status::AwaitingPayment,
    Status::Confirmed,
    Status::InFulfilment,
    Status::Fulfilled,
    Status::Completed,
    Status::Cancelling,
    Status::Cancelled,
];

const PAYMENTS: [PaymentStatus; 10] = [
    PaymentStatus::None,
    PaymentStatus::Authorised,
    PaymentStatus::PartiallyPaid,
    PaymentStatus::Paid,
    PaymentStatus::CodDue,
    PaymentStatus::Overpaid,
    PaymentStatus::PartiallyRefunded,
    PaymentStatus::Refunded,
    PaymentStatus::Voided,
    PaymentStatus::Disputed,
];

/// Judges every list.
pub async fn check(store: &MemoryStore, journal: &World) -> Findings {
    let mut found = Findings::of("listed", journal.given().end_us);
    if let Err(error) = all(store, journal, &mut found).await {
        found.fail(format!("lists of orders cannot be read: {error}"));
    }
    found
}

async fn all(store: &MemoryStore, journal: &World, found: &mut Findings) -> Result<(), StoreError> {
    let damaged = |error: codec::Error| StoreError::Damaged(error.to_string());
    if let Some((rows, places)) = shown(store, journal, NAME).await? {
        judge_rows(&rows, &places, journal, found).map_err(damaged)?;
    }
    if let Some((rows, places)) = shown(store, journal, catalogue::NAME).await? {
        judge_skus(&rows, &places, journal, found).map_err(damaged)?;
    }
    Ok(())
}

/// Judges the rows of SKUs; `places`: how far the view has come in each shard.
pub(super) fn judge_skus(
    rows: &Rows,
    places: &Places,
    journal: &World,
    found: &mut Findings,
) -> Result<(), codec::Error> {
    let is_shown = |it: &Stocked<'_>| places.get(&it.shard).is_some_and(|to| it.commit_no <= *to);
    for Stocked { key, view, .. } in journal.stocked().into_iter().filter(is_shown) {
        let row = rows.get(&catalogue::state_key(key));
        let row: Option<SkuRow> = row.map(|row| codec::from_bytes(row)).transpose()?;
        let fits = row.as_ref().is_some_and(|row| {
            let price = row.prices.iter().find(|(book, _)| book == DEFAULT_BOOK);
            (&row.product_id, &row.title, row.archived)
                == (&view.product_id, &view.title, view.archived)
                && price.map(|(_, amount)| *amount) == view.price
                && row.price_version == view.price_version
                && row.availability == view.availability
        });
        found.judge(fits, || format!("{key} is {view:?}, and listed as {row:?}"));
    }
    Ok(())
}

/// Judges the lists that these rows make; `places`: how far the view has come in each shard.
pub(super) fn judge_rows(
    rows: &Rows,
    places: &Places,
    journal: &World,
    found: &mut Findings,
) -> Result<(), codec::Error> {
    let is_shown = |it: &Listed<'_>| places.get(&it.shard).is_some_and(|to| it.commit_no <= *to);
    let (shown, late): (Vec<_>, Vec<_>) = journal.listed().into_iter().partition(is_shown);
    let late: BTreeSet<&EntityKey> = late.iter().map(|it| it.key).collect();
    for (list, wanted) in lists(journal, &shown) {
        let mut read = read(rows, &list)?;
        read.retain(|(key, _)| !late.contains(key));
        judge(&list, &read, &wanted, found);
    }
    Ok(())
}

/// The orders that belong to a list.
type Wanted<'a> = BTreeMap<&'a EntityKey, &'a Listed<'a>>;

/// Every list, and what belongs to it.
fn lists<'a>(journal: &World, shown: &'a [Listed<'a>]) -> Vec<(OrderList, Wanted<'a>)> {
    let of = |is: &dyn Fn(&Listed<'_>) -> bool| -> Wanted<'a> {
        shown.iter().filter(|it| is(it)).map(|it| (it.key, it)).collect()
    };
    let whole = OrderList::all(journal.given().tenant.clone());
    let oldest = OrderList { sort: Sort::OldestFirst, ..whole.clone() };
    let mut lists = vec![(whole.clone(), of(&|_| true)), (oldest, of(&|_| true))];
    for status in STATUSES {
        let list = OrderList { status: vec![status], ..whole.clone() };
        lists.push((list, of(&|it| it.after.status == status)));
    }
    for payment in PAYMENTS {
        let list = OrderList { payment: vec![payment], ..whole.clone() };
        lists.push((list, of(&|it| it.after.payment == payment)));
    }
    let mut buyers: BTreeMap<EntityKey, Wanted<'a>> = BTreeMap::new();
    for it in shown {
        let customer = it.owner.customer(&whole.tenant);
        buyers.entry(customer).or_default().insert(it.key, it);
    }
    for wanted in buyers.into_values() {
        let Some(owner) = wanted.values().next().map(|it| it.owner) else { continue };
        let buyer = Buyer::of(&whole.tenant, owner.kind, &owner.subject);
        lists.push((OrderList { buyer, ..whole.clone() }, wanted));
    }
    lists
}

/// All rows of a list, page by page.
fn read(rows: &Rows, list: &OrderList) -> Result<Vec<(EntityKey, OrderRow)>, codec::Error> {
    let (mut listed, mut after): (Vec<_>, Option<Vec<u8>>) = (Vec::new(), None);
    loop {
        let mut pager = Pager::new(list.clone(), PAGE, after.as_deref());
        while let Some(Scan { from, to, backward, limit }) = pager.scan() {
            let row = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
            let within = rows.range(from.clone()..to.max(from)).map(row);
            match backward {
                true => pager.feed(within.rev().take(limit))?,
                false => pager.feed(within.take(limit))?,
            }
        }
        let page = pager.page();
        let row = |entry: Entry<OrderRow>| Some((list.key(&entry)?, entry.row));
        listed.extend(page.entries.into_iter().filter_map(row));
        match page.next {
            // Beyond as many rows as there are it goes round: orders are told to be in it twice.
            Some(next) if after.as_ref() != Some(&next) && listed.len() <= rows.len() => {
                after = Some(next);
            }
            Some(_) | None => return Ok(listed),
        }
    }
}

fn judge(
    list: &OrderList,
    rows: &[(EntityKey, OrderRow)],
    wanted: &Wanted<'_>,
    found: &mut Findings,
) {
    let of = || {
        let OrderList { buyer, status, payment, sort, .. } = list;
        format!("the list {status:?} {payment:?} of {buyer:?}, {sort:?}")
    };
    let mut seen = BTreeSet::new();
    for (key, row) in rows {
        found.judge(seen.insert(key), || format!("{key} is twice in {}", of()));
        let words = (row.status, row.on_hold, row.payment, row.fulfilment);
        let fits = wanted.get(key).is_some_and(|it| {
            let after = &it.after;
            words == (after.status, after.on_hold, after.payment, after.fulfilment)
                && row.created == it.placed_at
        });
        found.judge(fits, || format!("{key} is in {} as {row:?}", of()));
    }
    for key in wanted.keys().filter(|key| !seen.contains(*key)) {
        found.judge(false, || format!("{key} is not in {}", of()));
    }
    for two in rows.windows(2) {
        let fits = match list.sort {
            Sort::NewestFirst => two[0].1.created >= two[1].1.created,
            Sort::OldestFirst => two[0].1.created <= two[1].1.created,
        };
        found.judge(fits, || format!("{} stands before {} in {}", two[0].0, two[1].0, of()));
    }
}
