//! A customer knows what is his, and what shows of him never changes under one version
//! (domain.md 11).
//!
//! - Each address, and name and email of the profile, has another version once it shows something
//!   else: who writes over the version that he was shown writes over what he saw.
//! - Of the addresses of a book one is the default.
//! - Once all is quiet he has every order that was placed and every cart that was opened in his
//!   name: orders are counted, and remembered as long as there are no more than are kept.
//!
//! `looked_at`: customers at a version, orders and carts.

use std::collections::BTreeMap;

use commerce::customer::{CARTS_KEPT, Customer, ORDERS_KEPT, SavedAddress};
use entity::{EntityKey, EventContext};

use super::{Findings, World};

/// A customer and his way.
#[derive(Debug, Default)]
pub(super) struct CustomerFold {
    /// How he is; before his first event there is nothing of him.
    pub(super) state: Customer,
    /// What showed something else under the same version.
    pub(super) faults: Vec<String>,
    pub(super) n_versions: u64,
}

impl CustomerFold {
    /// Notes an event; `after` is the state after it.
    pub(super) fn event(&mut self, ctx: &EventContext<'_>, after: &Customer) {
        self.n_versions += 1;
        let (before, at) = (&self.state, ctx.version);
        let shows = |customer: &Customer| {
            let profile = customer.profile.as_ref();
            profile.map(|profile| (profile.name.clone(), profile.email.clone()))
        };
        let is_new = shows(before) != shows(after);
        if is_new && after.profile_version != at {
            let said = after.profile_version;
            self.faults.push(format!("{} at {at} is another, of version {said}", ctx.key));
        }
        for address in &after.addresses {
            let old = before.address(&address.id);
            let is_same = old.is_some_and(|old| is_same(old, address));
            let fits = match old {
                Some(old) if is_same => address.version == old.version || address.version == at,
                Some(_) | None => address.version == at,
            };
            if !fits {
                let (id, said) = (&address.id, address.version);
                let who = ctx.key;
                self.faults.push(format!("address {id} of {who} at {at}: of version {said}"));
            }
        }
        let n_defaults = after.addresses.iter().filter(|saved| saved.is_default).count();
        if n_defaults != after.addresses.len().min(1) {
            let n = after.addresses.len();
            self.faults.push(format!("{} at {at}: {n} addresses, {n_defaults} defaults", ctx.key));
        }
        self.state = after.clone();
    }
}

fn is_same(one: &SavedAddress, other: &SavedAddress) -> bool {
    one.is_default == other.is_default && one.address == other.address
}

/// Judges every version of every customer, and at rest what is his.
#[must_use]
pub fn check(world: &World) -> Findings {
    let mut found = world.findings("customers");
    for customer in world.shop.customers.values() {
        found.look(customer.n_versions);
        for what in &customer.faults {
            found.fail(what.as_str());
        }
    }
    if world.given.is_healed {
        orders(world, &mut found);
        carts(world, &mut found);
    }
    found
}

fn orders(world: &World, found: &mut Findings) {
    let mut placed: BTreeMap<EntityKey, Vec<&EntityKey>> = BTreeMap::new();
    for (key, order) in &world.shop.orders {
        let Some(body) = &order.body else { continue };
        placed.entry(body.terms.owner.customer(&key.tenant)).or_default().push(key);
    }
    for (customer, orders) in &placed {
        let fold = world.shop.customers.get(customer);
        let (n, n_known) = (orders.len() as u64, fold.map_or(0, |fold| fold.state.n_orders));
        found.judge(n == n_known, || format!("{customer} has placed {n} orders, knows {n_known}"));
        let recent = fold.map_or(&[][..], |fold| &fold.state.orders);
        for key in orders.iter().filter(|_| orders.len() <= ORDERS_KEPT) {
            let is_known = recent.iter().any(|it| it.order.key(key.tenant.clone()) == **key);
            found.judge(is_known, || format!("{customer} does not know of {key}"));
        }
    }
}

fn carts(world: &World, found: &mut Findings) {
    let mut opened: BTreeMap<EntityKey, Vec<&EntityKey>> = BTreeMap::new();
    for (key, cart) in &world.shop.carts {
        let Some(body) = &cart.body else { continue };
        opened.entry(body.owner.customer(&key.tenant)).or_default().push(key);
    }
    for (customer, carts) in opened.iter().filter(|(_, carts)| carts.len() <= CARTS_KEPT) {
        let known = world.shop.customers.get(customer).map_or(&[][..], |fold| &fold.state.carts);
        for key in carts {
            found.judge(known.contains(key), || format!("{customer} does not know of {key}"));
        }
    }
}
