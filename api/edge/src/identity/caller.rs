//! The caller of an operation, and what an operation needs of it.

use std::sync::Arc;

use compact_str::CompactString;
use entity::{Principal, PrincipalKind, Scope, Scopes, Tenant};

use super::claims::{Identity, scope_name};
use super::session::Session;
use super::ticket::{Ticket, Topic};
use crate::problem::{Code, Problem};

/// What an operation needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nobody in particular: a token is checked when there is one.
    Public,
    /// Any principal.
    SignedIn,
    /// A principal with a scope.
    Scoped(Scope),
    /// Staff (seller, operator, service) with a scope.
    Staff(Scope),
    /// A buyer with one scope, for the own things, and staff with another.
    Owned {
        /// What a buyer has to hold.
        buyer: Scope,
        /// What staff has to hold.
        staff: Scope,
    },
}

/// The access of an operation, and how its credential may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What the caller has to be.
    pub access: Access,
    /// Whether the method changes nothing: a cookie then needs no CSRF token.
    pub safe: bool,
    /// Whether `?ticket=` is taken.
    pub ticket: bool,
    /// Whether credentials are not looked at.
    pub anonymous: bool,
    /// Whether a shop has to be known.
    pub tenant: bool,
}

/// How a credential arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// No credential.
    Nothing,
    /// `Authorization: Bearer`.
    Bearer,
    /// The session cookie.
    Cookie(Box<Session>),
    /// `?ticket=`; it may have ended.
    Ticket(Box<Ticket>),
}

/// Who asks, in which shop and channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The shop.
    pub tenant: Tenant,
    /// The channel.
    pub channel: CompactString,
    /// The language of texts: the first of `Accept-Language`, `en` without one.
    pub locale: CompactString,
    /// The checked credential; `None` on public operations without one.
    pub identity: Option<Arc<Identity>>,
    /// How it arrived.
    pub via: Via,
}

impl Caller {
    /// The principal: the credential's, or a guest without a name and without scopes.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.identity.as_ref().map_or_else(
            || Principal {
                tenant: self.tenant.clone(),
                subject: CompactString::const_new(""),
                kind: PrincipalKind::Guest,
                scopes: Scopes::default(),
            },
            |identity| identity.principal.clone(),
        )
    }

    /// The identity of an operation that needs one.
    ///
    /// # Panics
    /// On a public operation without a credential.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.identity.as_ref().expect("the operation needs a credential")
    }

    /// Whether the caller may open a stream: any of its own, or those of its ticket.
    pub fn may_watch(&self, topic: &Topic) -> Result<(), Problem> {
        match &self.via {
            Via::Ticket(ticket) if !ticket.opens(topic) => {
                // Whether there is such an order is not for this ticket to know.
                let code = match topic {
                    Topic::Me => Code::InsufficientScope,
                    Topic::Order(_) => Code::NotFound,
                };
                Err(Problem::new(code).detail("the ticket is for other topics"))
            }
            Via::Ticket(_) | Via::Nothing | Via::Bearer | Via::Cookie(_) => Ok(()),
        }
    }
}

/// Checks kind and scopes.
pub(crate) fn admit(access: Access, identity: Option<&Identity>) -> Result<(), Problem> {
    if access == Access::Public {
        return Ok(());
    }
    let Some(identity) = identity else { return Err(unauthenticated("no credential")) };
    let principal = &identity.principal;
    let scope = match access {
        Access::Public | Access::SignedIn => None,
        Access::Scoped(scope) | Access::Staff(scope) => Some(scope),
        Access::Owned { buyer, staff } => Some(if principal.is_staff() { staff } else { buyer }),
    };
    if let Some(scope) = scope
        && !principal.scopes.has(scope)
    {
        return Err(Problem::new(Code::InsufficientScope)
            .detail(format!("the scope `{}` is needed", scope_name(scope))));
    }
    match access {
        Access::Staff(_) if !principal.is_staff() => Err(Problem::new(Code::InsufficientScope)
            .detail("only a seller, an operator or a service may do this")),
        Access::Public
        | Access::SignedIn
        | Access::Scoped(_)
        | Access::Staff(_)
        | Access::Owned { .. } => Ok(()),
    }
}

/// 401, with the challenge that RFC 6750 wants.
pub(crate) fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated)
        .detail(detail)
        .header(actix_web::http::header::WWW_AUTHENTICATE, "Bearer realm=\"mercato\"")
}
