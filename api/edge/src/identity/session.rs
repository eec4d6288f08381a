//! Browser sessions: a bearer token exchanged for a cookie and a CSRF token.
//!
//! The cookie is the session, sealed: nothing is stored, so a million sessions cost nothing; ending
//! one is a revocation. It ends after 12 h, or when the token's family is revoked. The CSRF token
//! is a MAC of the session's id, so it too needs no store.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use compact_str::CompactString;
use entity::{Principal, Scopes, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use super::claims::{Identity, kind_name, kind_of};
use super::seal::{Purpose, Sealer};
use crate::limits;

/// A browser session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id: random, 16 bytes in hexadecimal.
    pub id: String,
    tenant: String,
    subject: String,
    kind: String,
    scopes: u16,
    expires_s: u64,
    /// What the token could be revoked by.
    handles: Vec<CompactString>,
}

impl Session {
    /// A session for a checked token.
    #[must_use]
    pub fn begin(identity: &Identity, id: String, now: Timestamp) -> Self {
        let principal = &identity.principal;
        Self {
            id,
            tenant: principal.tenant.to_string(),
            subject: principal.subject.to_string(),
            kind: kind_name(principal.kind).to_owned(),
            scopes: principal.scopes.0,
            expires_s: now.0 / 1000 + limits::SESSION_S,
            handles: identity.handles.clone(),
        }
    }

    /// Reads the value of a cookie. `None`: not ours, or ended.
    #[must_use]
    pub fn open(sealer: &Sealer, value: &str, now: Timestamp) -> Option<Self> {
        let session: Self = sealer.open(Purpose::Session, value)?;
        (session.expires_s > now.0 / 1000).then_some(session)
    }

    /// The identity that the session stands for.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let mut handles = self.handles.clone();
        handles.push(self.handle().into());
        Some(Identity {
            principal: Principal {
                tenant: Tenant::new(&self.tenant),
                subject: CompactString::new(&self.subject),
                kind: kind_of(&self.kind)?,
                scopes: Scopes(self.scopes),
            },
            expires_s: self.expires_s,
            handles,
        })
    }

    /// What the session is revoked by.
    #[must_use]
    pub fn handle(&self) -> String {
        format!("session:{}", self.id)
    }

    /// When it ends, wall time in seconds.
    #[must_use]
    pub const fn expires_s(&self) -> u64 {
        self.expires_s
    }

    /// The token that every changing request has to carry.
    #[must_use]
    pub fn csrf_token(&self, sealer: &Sealer) -> String {
        sealer.tag(Purpose::Csrf, self.id.as_bytes())
    }

    /// Whether `token` is the session's CSRF token, in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, sealer: &Sealer, token: &str) -> bool {
        sealer.is_tag(Purpose::Csrf, self.id.as_bytes(), token)
    }

    /// The cookie that holds the session.
    #[must_use]
    pub fn cookie(&self, sealer: &Sealer, secure: bool) -> Cookie<'static> {
        let life = i64::try_from(limits::SESSION_S).expect("12 h in seconds fit");
        cookie(sealer.seal(Purpose::Session, self), life, secure)
    }
}

/// The cookie's name: the `__Host-` prefix needs `Secure`, which plain HTTP cannot have.
#[must_use]
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-mercato" } else { "mercato" }
}

/// The cookie that takes a session away.
#[must_use]
pub fn clearing_cookie(secure: bool) -> Cookie<'static> {
    cookie(String::new(), 0, secure)
}

fn cookie(value: String, life_s: i64, secure: bool) -> Cookie<'static> {
    Cookie::build(cookie_name(secure), value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(life_s))
        .finish()
}
