//! Claims of a token, and the identity that they state.
//!
//! `tenant`, `kind` and `scope` are ours; an issuer that does not know them is given a tenant by
//! configuration, its principals are customers, and customers hold the scopes for their own things.
//! An issuer that says `scope` is believed, also when it grants nothing.

use compact_str::CompactString;
use entity::{Principal, PrincipalKind, Scope, Scopes, Tenant};
use serde::{Deserialize, Serialize};

/// A checked credential: who it names, and what can end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// When the credential ends, wall time in seconds.
    pub expires_s: u64,
    /// Ids under which the credential can be revoked: its own, that of its family or session.
    pub handles: Vec<CompactString>,
}

/// The claims that are read. `exp`, `nbf`, `iss` and `aud` are checked before they get here.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
}

impl Claims {
    /// The identity. `tenant`: what the issuer's configuration says, for tokens without the claim.
    /// `None`: no tenant, no subject, or a kind that we do not know.
    pub(crate) fn identity(&self, tenant: Option<&Tenant>) -> Option<Identity> {
        let tenant = match (&self.tenant, tenant) {
            (Some(name), None) => Tenant::new(name),
            (Some(name), Some(fixed)) if name == fixed.as_str() => fixed.clone(),
            (None, Some(fixed)) => fixed.clone(),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let kind = match self.kind.as_deref() {
            None => PrincipalKind::Customer,
            Some(word) => kind_of(word)?,
        };
        // A NUL or a blank subject could collide with derived keys; no issuer makes them.
        if self.sub.is_empty() || self.sub.len() > 255 || self.sub.chars().any(char::is_control) {
            return None;
        }
        let scope = self.scope.as_deref();
        let scopes = if kind == PrincipalKind::Customer && scope.is_none_or(says_who_only) {
            OWN_THINGS
        } else {
            scopes_of(scope.unwrap_or_default())
        };
        let own = self.jti.as_deref().map(|id| CompactString::from(format!("jti:{id}")));
        let family = self.sid.as_deref().map(|id| CompactString::from(format!("sid:{id}")));
        Some(Identity {
            principal: Principal { tenant, subject: CompactString::new(&self.sub), kind, scopes },
            expires_s: self.exp,
            handles: own.into_iter().chain(family).collect(),
        })
    }
}

/// What customers and guests hold.
pub(crate) const OWN_THINGS: Scopes = Scopes(0).with(Scope::OrdersRead).with(Scope::OrdersWrite);

/// What staff hold: everything but the admin listener.
pub(crate) const STAFF: Scopes =
    Scopes(Scopes::ALL.0 & !(Scope::Admin as u16 | Scope::Node as u16));

const SCOPES: [Scope; 13] = [
    Scope::OrdersRead,
    Scope::OrdersWrite,
    Scope::CatalogueRead,
    Scope::CatalogueWrite,
    Scope::StockRead,
    Scope::StockWrite,
    Scope::ShipmentsRead,
    Scope::ShipmentsWrite,
    Scope::RefundsRead,
    Scope::RefundsWrite,
    Scope::RefundsApprove,
    Scope::Admin,
    Scope::Node,
];

/// The text of a scope: `orders:read`.
#[must_use]
pub const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::OrdersRead => "orders:read",
        Scope::OrdersWrite => "orders:write",
        Scope::CatalogueRead => "catalogue:read",
        Scope::CatalogueWrite => "catalogue:write",
        Scope::StockRead => "stock:read",
        Scope::StockWrite => "stock:write",
        Scope::ShipmentsRead => "shipments:read",
        Scope::ShipmentsWrite => "shipments:write",
        Scope::RefundsRead => "refunds:read",
        Scope::RefundsWrite => "refunds:write",
        Scope::RefundsApprove => "refunds:approve",
        Scope::Admin => "admin",
        Scope::Node => "node",
    }
}

/// The scope of a text.
#[must_use]
pub fn scope_of(text: &str) -> Option<Scope> {
    SCOPES.into_iter().find(|scope| scope_name(*scope) == text)
}

/// The scopes of a space-separated list; what we do not know is left out.
#[must_use]
pub fn scopes_of(text: &str) -> Scopes {
    text.split_ascii_whitespace().filter_map(scope_of).fold(Scopes::default(), Scopes::with)
}

/// Scopes of OpenID Connect: they ask who somebody is, and allow nothing here.
const OPENID_SCOPES: [&str; 6] =
    ["openid", "profile", "email", "address", "phone", "offline_access"];

/// What a space-separated list asks to be allowed: the words that are not OpenID Connect's.
pub(crate) fn allowances(text: &str) -> impl Iterator<Item = &str> {
    text.split_ascii_whitespace().filter(|word| !OPENID_SCOPES.contains(word))
}

/// Whether an issuer that does not know our scopes wrote this: `openid profile`, never nothing.
fn says_who_only(text: &str) -> bool {
    !text.trim_ascii().is_empty() && allowances(text).next().is_none()
}

/// The texts of a set, in a fixed order.
#[must_use]
pub fn scope_names(scopes: Scopes) -> Vec<&'static str> {
    SCOPES.into_iter().filter(|scope| scopes.has(*scope)).map(scope_name).collect()
}

/// The word of a kind in tokens.
pub(crate) const fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::System => "system",
        PrincipalKind::Customer => "customer",
        PrincipalKind::Guest => "guest",
        PrincipalKind::Agent => "agent",
        PrincipalKind::Seller => "seller",
        PrincipalKind::Operator => "operator",
        PrincipalKind::Service => "service",
    }
}

/// The kind of a word. `system` is the runtime's own: no token may claim it.
pub(crate) fn kind_of(word: &str) -> Option<PrincipalKind> {
    [
        PrincipalKind::Customer,
        PrincipalKind::Guest,
        PrincipalKind::Agent,
        PrincipalKind::Seller,
        PrincipalKind::Operator,
        PrincipalKind::Service,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == word)
}
