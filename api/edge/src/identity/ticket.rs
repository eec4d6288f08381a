//! Stream tickets: a signed, read-only right to open some streams for 15 min.
//!
//! For EventSource, which cannot send headers: the ticket stands in the URL, so it can do nothing
//! but read its topics, and is good for the reconnects that the browser makes to the same URL.

use compact_str::CompactString;
use entity::{Principal, Scope, Scopes, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use super::claims::{Identity, kind_name, kind_of};
use super::seal::{Purpose, Sealer};
use crate::limits;

/// A stream that can be watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// All orders of the principal, and its notices: `me`.
    Me,
    /// One order: `orders/ord_...`.
    Order(String),
}

impl Topic {
    /// Reads a topic.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "me" {
            return Some(Self::Me);
        }
        let id = text.strip_prefix("orders/")?;
        entity::parse_public_id("ord", id).is_ok().then(|| Self::Order(id.to_owned()))
    }

    /// The text form.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Me => "me".to_owned(),
            Self::Order(id) => format!("orders/{id}"),
        }
    }
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    tenant: String,
    subject: String,
    kind: String,
    topics: Vec<String>,
    expires_s: u64,
    handles: Vec<CompactString>,
}

impl Ticket {
    /// A ticket for a principal. It holds `orders:read` and nothing else.
    #[must_use]
    pub fn new(identity: &Identity, topics: &[Topic], now: Timestamp) -> Self {
        let principal = &identity.principal;
        Self {
            tenant: principal.tenant.to_string(),
            subject: principal.subject.to_string(),
            kind: kind_name(principal.kind).to_owned(),
            topics: topics.iter().map(Topic::text).collect(),
            expires_s: now.0 / 1000 + limits::TICKET_S,
            handles: identity.handles.clone(),
        }
    }

    /// The text that stands in a URL.
    #[must_use]
    pub fn seal(&self, sealer: &Sealer) -> String {
        sealer.seal(Purpose::Ticket, self)
    }

    /// Reads a ticket, ended or not: a stream answers an ended one with `bye`.
    #[must_use]
    pub fn open(sealer: &Sealer, text: &str) -> Option<Self> {
        sealer.open(Purpose::Ticket, text)
    }

    /// When it ends, wall time in seconds.
    #[must_use]
    pub const fn expires_s(&self) -> u64 {
        self.expires_s
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_s <= now.0 / 1000
    }

    /// Whether it opens a topic.
    #[must_use]
    pub fn opens(&self, topic: &Topic) -> bool {
        self.topics.contains(&topic.text())
    }

    /// The identity that it stands for.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        Some(Identity {
            principal: Principal {
                tenant: Tenant::new(&self.tenant),
                subject: CompactString::new(&self.subject),
                kind: kind_of(&self.kind)?,
                scopes: Scopes::default().with(Scope::OrdersRead),
            },
            expires_s: self.expires_s,
            handles: self.handles.clone(),
        })
    }
}
