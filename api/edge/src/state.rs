//! The edge's state: what handlers and layers share on one node.
//!
//! Cheap to clone. Time and random numbers come in as functions, so that a simulator can run the
//! same handlers; limits are swapped as a whole when configuration changes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use cluster::admission::AdmissionLimits;
use entity::Timestamp;

use crate::health::Health;
use crate::identity::issuer::Issuer;
use crate::identity::{Authority, Caller};
use crate::push::Streams;
use crate::rate::{Quota, RateLimiter};
use crate::request::{RequestContext, RequestKey};
use crate::settings::{self, Values};
use crate::shop::Shop;
use crate::used_keys::UsedKeys;

/// Wall time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Random bytes that nobody can guess.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// The metrics of the process as a text that Prometheus reads.
pub type Scrape = Arc<dyn Fn() -> String + Send + Sync>;

/// Limits that an operator tunes while the node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeLimits {
    /// `edge.rate_limit`: requests per principal and minute; 0 = no limit.
    pub rate_limit: u32,
    /// `admission.in_flight_max`: requests in flight.
    pub in_flight_max: usize,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self::from(&Values::default())
    }
}

impl From<&Values> for EdgeLimits {
    fn from(values: &Values) -> Self {
        Self {
            rate_limit: u32::try_from(values.get(settings::RATE_LIMIT)).unwrap_or(u32::MAX),
            in_flight_max: usize::try_from(values.get(settings::IN_FLIGHT_MAX))
                .unwrap_or(usize::MAX),
        }
    }
}

/// What the state is made of.
pub struct EdgeParts {
    /// Checks credentials.
    pub authority: Authority,
    /// The demo's issuer; `None` without `--demo`.
    pub issuer: Option<Issuer>,
    /// Limits at the start.
    pub limits: EdgeLimits,
    /// Wall time.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Entropy,
    /// What probes are told.
    pub health: Health,
    /// What `/metrics` answers.
    pub scrape: Scrape,
    /// The shop behind the edge; `None` where only identity is served (tests).
    pub shop: Option<Shop>,
}

struct Inner {
    authority: Authority,
    issuer: Option<Issuer>,
    limits: ArcSwap<EdgeLimits>,
    clock: Clock,
    entropy: Entropy,
    health: Health,
    scrape: Scrape,
    shop: Option<Shop>,
    rate: RateLimiter,
    used_keys: UsedKeys,
    streams: Streams,
    n_in_flight: AtomicUsize,
}

/// The edge of one node.
#[derive(Clone)]
pub struct EdgeState(Arc<Inner>);

impl fmt::Debug for EdgeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeState").field("limits", &self.limits()).finish_non_exhaustive()
    }
}

impl EdgeState {
    /// The state of a node.
    #[must_use]
    pub fn new(parts: EdgeParts) -> Self {
        Self(Arc::new(Inner {
            authority: parts.authority,
            issuer: parts.issuer,
            limits: ArcSwap::from_pointee(parts.limits),
            clock: parts.clock,
            entropy: parts.entropy,
            health: parts.health,
            scrape: parts.scrape,
            shop: parts.shop,
            rate: RateLimiter::default(),
            used_keys: UsedKeys::default(),
            streams: Streams::default(),
            n_in_flight: AtomicUsize::new(0),
        }))
    }

    /// Checks credentials.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// The demo's issuer.
    #[must_use]
    pub fn issuer(&self) -> Option<&Issuer> {
        self.0.issuer.as_ref()
    }

    /// The shop behind the edge.
    ///
    /// # Panics
    /// On a state without a shop: its routes are then not to be served.
    #[must_use]
    pub fn shop(&self) -> &Shop {
        self.0.shop.as_ref().expect("shop routes are served with a shop only")
    }

    /// The live streams of the node.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// What probes are told.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// The metrics as text.
    #[must_use]
    pub fn scrape(&self) -> String {
        (self.0.scrape)()
    }

    /// The limits now.
    #[must_use]
    pub fn limits(&self) -> EdgeLimits {
        **self.0.limits.load()
    }

    /// Exchanges the limits.
    pub fn set_limits(&self, limits: EdgeLimits) {
        self.0.limits.store(Arc::new(limits));
    }

    /// Puts values of dynamic configuration in force that are not looked up at each use.
    pub fn apply(&self, values: &Values) {
        let limits = EdgeLimits::from(values);
        self.set_limits(limits);
        if let Some(shop) = &self.0.shop {
            let per_principal = values.get(settings::PER_PRINCIPAL_MAX);
            shop.region().admission().set_limits(AdmissionLimits {
                in_flight_max: limits.in_flight_max,
                per_principal_max: usize::try_from(per_principal).unwrap_or(usize::MAX),
            });
        }
    }

    /// Wall time.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// `N` random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0.entropy)(&mut bytes);
        bytes
    }

    /// Number and trace of a new request.
    #[must_use]
    pub fn context(&self, headers: &actix_web::http::header::HeaderMap) -> RequestContext {
        // Zero is no trace and no span; 2^-64 is rare enough to be answered by a one.
        let mut trace_id = self.random::<16>();
        trace_id[15] |= u8::from(trace_id == [0; 16]);
        let mut span_id = self.random::<8>();
        span_id[7] |= u8::from(span_id == [0; 8]);
        let number = u64::from_be_bytes(self.random());
        RequestContext::read(headers, number, trace_id, span_id)
    }

    /// Counts a request of a caller against its quota.
    pub(crate) fn take_quota(
        &self,
        caller: &Caller,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Quota>, Quota> {
        let per_minute = self.limits().rate_limit;
        if per_minute == 0 {
            return Ok(None);
        }
        let who = match &caller.identity {
            Some(identity) => {
                let principal = &identity.principal;
                format!("{}\0{:?}\0{}", principal.tenant, principal.kind, principal.subject)
            }
            // Without a principal the address is the best name there is.
            None => format!("{}\0{peer:?}", caller.tenant),
        };
        self.0.rate.take(&who, per_minute, now)
    }

    /// Whether an idempotency key did nothing else here.
    pub(crate) fn is_free(&self, key: &RequestKey) -> bool {
        self.0.used_keys.is_free(key, self.kept_until(0))
    }

    /// Notes what an idempotency key did.
    pub(crate) fn note_key(&self, key: RequestKey) {
        let keep_ms = self.0.shop.as_ref().map_or(entity::limits::IDEMPOTENCY_KEEP_MS, |shop| {
            shop.settings().get(settings::IDEMPOTENCY_KEEP_MS)
        });
        self.0.used_keys.note(key, self.kept_until(keep_ms));
    }

    /// In so many ms by the clock of the entities, which a demo moves.
    fn kept_until(&self, keep_ms: u64) -> Timestamp {
        let now = self.0.shop.as_ref().map_or_else(|| self.wall(), |shop| shop.region().now());
        now.plus_ms(keep_ms)
    }

    /// Takes a place among the requests in flight; `None`: there is none.
    pub(crate) fn enter(&self) -> Option<InFlight> {
        let before = self.0.n_in_flight.fetch_add(1, Ordering::Relaxed);
        let place = InFlight(self.clone());
        (before < self.limits().in_flight_max).then_some(place)
    }

    /// Requests in flight now.
    #[must_use]
    pub fn n_in_flight(&self) -> usize {
        self.0.n_in_flight.load(Ordering::Relaxed)
    }
}

/// A place among the requests in flight, given back when dropped.
pub(crate) struct InFlight(EdgeState);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.n_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
