//! Admission: how much may be under way, decided before anything is queued (architecture 14).
//!
//! Limits for the node, for each tenant and for each principal. Refusing costs a lock and no
//! allocation. What is admitted holds a [`Pass`] until it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use entity::{Principal, PrincipalKind, Tenant};
use parking_lot::Mutex;

use crate::limits;

/// Limits of admission; dynamic configuration sets them.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    /// On the node.
    pub in_flight_max: usize,
    /// For one principal.
    pub per_principal_max: usize,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            in_flight_max: limits::IN_FLIGHT_MAX,
            per_principal_max: limits::IN_FLIGHT_PER_PRINCIPAL_MAX,
        }
    }
}

/// Why something was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The node, or the tenant's share of it, is full.
    Full,
    /// The principal has too much under way.
    Principal,
    /// The node is stopping.
    Closed,
    /// What changes something is not taken: there is no room to keep it.
    ReadOnly,
}

/// Who is counted: subjects are unique within a kind only.
type Who = (Tenant, PrincipalKind, CompactString);

#[derive(Debug, Default)]
struct Counts {
    limits: AdmissionLimits,
    closed: bool,
    read_only: bool,
    total: usize,
    tenants: BTreeMap<Tenant, usize>,
    principals: BTreeMap<Who, usize>,
}

/// The gate.
#[derive(Debug, Clone, Default)]
pub struct Admission(Arc<Mutex<Counts>>);

/// The right to be under way; given back when dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Admission,
    who: Who,
}

impl Admission {
    /// Lets a principal's request in, or says why not.
    pub fn enter(&self, principal: &Principal) -> Result<Pass, NotAdmitted> {
        self.admit(&mut self.0.lock(), principal)
    }

    /// The same for a request that may change something.
    pub fn enter_to_change(&self, principal: &Principal) -> Result<Pass, NotAdmitted> {
        let counts = &mut *self.0.lock();
        match counts.read_only {
            true => Err(NotAdmitted::ReadOnly),
            false => self.admit(counts, principal),
        }
    }

    fn admit(&self, counts: &mut Counts, principal: &Principal) -> Result<Pass, NotAdmitted> {
        if counts.closed {
            sites::hit("admission.closed");
            return Err(NotAdmitted::Closed);
        }
        let max = counts.limits.in_flight_max;
        let share = max * limits::IN_FLIGHT_PER_TENANT_PERCENT / 100;
        let tenant = counts.tenants.get(&principal.tenant).copied().unwrap_or(0);
        let is_tiny = counts.total > 1 && sites::fires("tiny_mailbox", 0);
        if counts.total >= max || tenant >= share.max(1) || is_tiny {
            sites::hit("admission.full");
            return Err(NotAdmitted::Full);
        }
        let who = (principal.tenant.clone(), principal.kind, principal.subject.clone());
        let under_way = counts.principals.entry(who.clone()).or_insert(0);
        if *under_way >= counts.limits.per_principal_max {
            sites::hit("admission.principal");
            return Err(NotAdmitted::Principal);
        }
        *under_way += 1;
        counts.total += 1;
        *counts.tenants.entry(principal.tenant.clone()).or_insert(0) += 1;
        Ok(Pass { gate: self.clone(), who })
    }

    /// From now on takes what only reads (`true`), or all again. What entities do of themselves,
    /// deadlines and messages, goes on.
    pub fn set_read_only(&self, read_only: bool) {
        self.0.lock().read_only = read_only;
    }

    /// Sets the limits for what comes from now on.
    pub fn set_limits(&self, limits: AdmissionLimits) {
        self.0.lock().limits = limits;
    }

    /// Lets nothing in any more.
    pub fn close(&self) {
        self.0.lock().closed = true;
    }

    /// How many principals have anything under way.
    #[must_use]
    pub fn n_principals(&self) -> usize {
        self.0.lock().principals.len()
    }

    /// How much is under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.lock().total
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let counts = &mut *self.gate.0.lock();
        counts.total -= 1;
        let tenant = counts.tenants.get_mut(&self.who.0).expect("counted when let in");
        *tenant -= 1;
        if *tenant == 0 {
            counts.tenants.remove(&self.who.0);
        }
        let under_way = counts.principals.get_mut(&self.who).expect("counted when let in");
        *under_way -= 1;
        if *under_way == 0 {
            counts.principals.remove(&self.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(tenant: &str, subject: &str) -> Principal {
        let mut principal = Principal::system(Tenant::new(tenant));
        principal.subject = subject.into();
        principal
    }

    #[test]
    fn node_tenant_and_principal_are_bounded_and_passes_give_room_back() {
        let gate = Admission::default();
        gate.set_limits(AdmissionLimits { in_flight_max: 4, per_principal_max: 2 });
        let a = gate.enter(&principal("a", "x")).unwrap();
        let _b = gate.enter(&principal("a", "x")).unwrap();
        assert_eq!(gate.enter(&principal("a", "x")).unwrap_err(), NotAdmitted::Principal);
        let _c = gate.enter(&principal("a", "y")).unwrap();
        assert_eq!(gate.enter(&principal("a", "z")).unwrap_err(), NotAdmitted::Full);
        let _d = gate.enter(&principal("b", "z")).unwrap();
        assert_eq!(gate.enter(&principal("c", "z")).unwrap_err(), NotAdmitted::Full);
        drop(a);
        assert_eq!((gate.in_flight(), gate.n_principals()), (3, 3));
        gate.enter(&principal("a", "x")).unwrap();
        gate.close();
        assert_eq!(gate.enter(&principal("b", "q")).unwrap_err(), NotAdmitted::Closed);
    }

    #[test]
    fn without_room_for_changes_reads_go_on() {
        let gate = Admission::default();
        gate.set_read_only(true);
        let refused = gate.enter_to_change(&principal("a", "x")).unwrap_err();
        assert_eq!((refused, gate.in_flight()), (NotAdmitted::ReadOnly, 0));
        gate.enter(&principal("a", "x")).unwrap();
        gate.set_read_only(false);
        let _pass = gate.enter_to_change(&principal("a", "x")).unwrap();
        assert_eq!(gate.in_flight(), 1);
    }

    #[test]
    fn a_guest_takes_no_room_of_a_customer_with_the_same_subject() {
        let gate = Admission::default();
        gate.set_limits(AdmissionLimits { in_flight_max: 100, per_principal_max: 1 });
        let of = |kind| Principal { kind, ..principal("a", "x") };
        let guest = gate.enter(&of(PrincipalKind::Guest)).unwrap();
        let _customer = gate.enter(&of(PrincipalKind::Customer)).unwrap();
        let full = gate.enter(&of(PrincipalKind::Customer));
        assert_eq!(full.unwrap_err(), NotAdmitted::Principal);
        drop(guest);
        gate.enter(&of(PrincipalKind::Guest)).unwrap();
    }
}
