//! The clients and the people of the demo.

use compact_str::CompactString;
use entity::{Principal, PrincipalKind, Scope, Scopes, Tenant};

use super::super::claims::{OWN_THINGS, STAFF, allowances, scope_of, scopes_of};
use super::super::tenants::is_loopback_origin;

/// The public client of browsers and tools: no secret, PKCE.
pub(super) const WEB_CLIENT: &str = "demo-web";

/// The secret of both service clients; a demo has no secrets.
const SERVICE_SECRET: &str = "demo-secret";

/// A client with a secret, and the shop that it serves.
pub(super) struct ServiceClient {
    pub(super) id: &'static str,
    tenant: &'static str,
}

const SERVICES: [ServiceClient; 2] = [
    ServiceClient { id: "demo-service", tenant: "demo" },
    ServiceClient { id: "demo2-service", tenant: "demo2" },
];

impl ServiceClient {
    /// The client of an id and a secret, compared in constant time.
    pub(super) fn check(id: &str, secret: &str) -> Option<&'static Self> {
        let client = Self::find(id)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(
            secret.as_bytes(),
            SERVICE_SECRET.as_bytes(),
        )
        .ok()?;
        Some(client)
    }

    pub(super) fn find(id: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|client| client.id == id)
    }

    /// The service as a principal, with the scopes that it asked for; all when it asked for none.
    /// `None`: one of them is no scope. A typing error must not give everything.
    pub(super) fn principal(&self, scope: &str) -> Option<Principal> {
        let is_known = scope.split_ascii_whitespace().all(|word| scope_of(word).is_some());
        let scopes = granted(scope, Scopes::ALL).filter(|_| is_known)?;
        Some(Principal {
            tenant: Tenant::new(self.tenant),
            subject: CompactString::new(self.id),
            kind: PrincipalKind::Service,
            scopes,
        })
    }
}

/// The person that a `login_hint` names, with all that it may hold; `None`: not
/// `[a-z0-9-]{1,40}`.
pub(super) fn person(tenant: Tenant, hint: &str) -> Option<Principal> {
    let fits = (1..=40).contains(&hint.len())
        && hint.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return None;
    }
    let (kind, scopes) = match hint {
        "operator" | "operator-2" => (PrincipalKind::Operator, STAFF),
        _ => (PrincipalKind::Customer, OWN_THINGS),
    };
    Some(Principal { tenant, subject: CompactString::new(hint), kind, scopes })
}

/// What is asked for of what may be held; all of it when nothing is asked for. `None`: nothing of
/// what is asked for can be granted. A token for it would open nothing, and say so too late.
pub(super) fn granted(asked: &str, held: Scopes) -> Option<Scopes> {
    if allowances(asked).next().is_none() {
        return Some(held);
    }
    let mut asked = scopes_of(asked);
    if asked.has(Scope::Admin) {
        // Whoever operates a demo's shops operates its node.
        asked = asked.with(Scope::Node);
    }
    Some(Scopes(asked.0 & held.0)).filter(|granted| *granted != Scopes::default())
}

/// What a refresh asks for of what its sign-in was granted (RFC 6749 6); `None`: more than that.
pub(super) fn narrowed(asked: &str, held: Scopes) -> Option<Scopes> {
    let is_held = |word: &str| scope_of(word).is_some_and(|scope| held.has(scope));
    if allowances(asked).all(is_held) { granted(asked, held) } else { None }
}

/// Whether the demo's public client may be sent to `uri`: any page of this machine.
pub(super) fn may_redirect(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.contains(['#', '\\', '@', '"']);
    plain && is_loopback_origin(&format!("{scheme}://{authority}"))
}
