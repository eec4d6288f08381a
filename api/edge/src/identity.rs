//! Who asks: credentials to principals, and the credentials that the edge makes itself.
//!
//! A request carries a bearer token (JWT of an OIDC issuer, or a guest token of ours), a session
//! cookie, or a stream ticket. [`Authority`] checks it and names tenant, principal and channel.
//! What a principal may do with a thing is decided by the entity; here only scopes and kinds count.
//! State that outlives a restart lives in the store's named values: signing keys, revocations and
//! refresh families. Codes, sessions, tickets and cursors are signed and not stored.

mod authority;
mod caller;
mod claims;
pub mod issuer;
mod jwks;
mod keys;
mod revocation;
mod seal;
mod session;
mod tenants;
mod ticket;
mod verifier;

pub(crate) use authority::host;
pub use authority::{Authority, AuthorityParts};
pub use caller::{Access, Caller, Need, Via};
pub use claims::{Identity, scope_name, scope_names, scope_of, scopes_of};
pub use jwks::{IssuerConfig, JwksError, check_transport};
pub use keys::{EdgeKeys, KeysError};
pub use revocation::{Revocations, RevokeError};
pub use seal::{Purpose, Sealer};
pub use session::{Session, clearing_cookie, cookie_name};
pub use tenants::{TenantConfig, Tenants, TenantsError};
pub use ticket::{Ticket, Topic};
pub use verifier::{AUDIENCE, TokenError, TokenVerifier};

#[cfg(test)]
mod tests;
