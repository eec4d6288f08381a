//! An operation: everything that is declared of a route, in one constant.
//!
//! The route, its checks, its OpenAPI entry and the generated authorization tests all read the same
//! constant, so they cannot drift apart. What is not declared is refused: a query parameter, a
//! status, a code.

mod headers;

use actix_web::HttpResponse;
use entity::Scope;

use crate::identity::{Access, Need};
use crate::problem::Code;
use crate::request::{Param, WaitLimit};

/// The method of an operation. HEAD goes with GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Sets a thing.
    Put,
    /// Changes parts of a thing (RFC 7396).
    Patch,
    /// Takes a thing away.
    Delete,
}

impl Method {
    /// Its name in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// How a repeat is recognised (`x-idempotency`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Safe or repeatable as it is.
    None,
    /// `Idempotency-Key` is required.
    Key,
    /// A natural key; the header is optional.
    Natural,
}

/// Whether a version has to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// There is none.
    None,
    /// `If-Match` is required, or `If-None-Match: *` of what can create.
    Required,
    /// `If-Match` is optional.
    Optional,
}

/// What a request needs to be let in, beside its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A place among the requests in flight, and something left of its caller's quota. A stream
    /// has its place while it opens, and is shed without one ([`Operation::shed`]).
    Request,
    /// Nothing: operators get in when requests have taken every place, or they could not help it.
    /// What they ask of entities is admitted like any other question (503).
    Operator,
}

/// How replies may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// For this caller, revalidated at each use.
    Personal,
    /// By anyone for a second, stale for a little longer: catalogue reads.
    Catalogue,
    /// Not at all: tokens.
    Never,
    /// By anyone for ever: the name holds the version.
    Immutable,
    /// By anyone for some minutes: documents.
    Document,
}

impl Caching {
    /// The header `Cache-Control`.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Personal => "private, no-cache",
            // A price change shows within 2 s: 1 s here and 1 s until the read model has it.
            Self::Catalogue => "public, max-age=0, s-maxage=1, stale-while-revalidate=1",
            Self::Never => "no-store",
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Document => "public, max-age=300",
        }
    }
}

/// The form of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorForm {
    /// RFC 9457.
    Problem,
    /// RFC 6749: `{"error","error_description"}`.
    OAuth,
}

/// A declared operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// `operationId`.
    pub id: &'static str,
    /// Method.
    pub method: Method,
    /// Path template: `/v1/orders/{id}`.
    pub path: &'static str,
    /// Group in the documentation.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What the caller has to be.
    pub access: Access,
    /// What else a request needs to be let in.
    pub gate: Gate,
    /// How a repeat is recognised.
    pub idempotency: Idempotency,
    /// Whether a version has to be named.
    pub precondition: Precondition,
    /// Whether a weak tag names one: see [`Self::if_match_as_read`].
    pub weak_match: bool,
    /// How long it may wait.
    pub wait: WaitLimit,
    /// Path parameters.
    pub params: &'static [Param],
    /// Query parameters.
    pub query: &'static [Param],
    /// Statuses of success.
    pub statuses: &'static [u16],
    /// Whether what is made (201, or 200 where it was there) or under way (202) says where it
    /// stands: `Location`.
    pub located: bool,
    /// Codes of its own; those of every operation of its form are added.
    pub codes: &'static [Code],
    /// How replies may be cached.
    pub caching: Caching,
    /// The form of refusals.
    pub error_form: ErrorForm,
    /// Whether `return=minimal` is honoured.
    pub minimal: bool,
    /// Whether `?ticket=` is taken: streams.
    pub ticket: bool,
    /// Whether the handler reads the query itself: unknown parameters of RFC 6749, streams.
    pub lenient_query: bool,
    /// Whoever asks too often, or finds no place, is shed with this success, so it has no 429, and
    /// a full node no 503: either would close an EventSource for good (interfaces.md 0.6).
    pub shed: Option<fn() -> HttpResponse>,
    /// Whether credentials of a request are not looked at: the issuer has its own.
    pub anonymous: bool,
    /// Whether it exists with `--demo` only.
    pub demo: bool,
}

impl Operation {
    const fn new(id: &'static str, method: Method, path: &'static str) -> Self {
        Self {
            id,
            method,
            path,
            tag: "",
            summary: "",
            access: Access::SignedIn,
            gate: Gate::Request,
            idempotency: Idempotency::None,
            precondition: Precondition::None,
            weak_match: false,
            wait: WaitLimit::NONE,
            params: &[],
            query: &[],
            statuses: &[200],
            located: true,
            codes: &[],
            caching: Caching::Personal,
            error_form: ErrorForm::Problem,
            minimal: false,
            ticket: false,
            lenient_query: false,
            shed: None,
            anonymous: false,
            demo: false,
        }
    }

    /// A read.
    #[must_use]
    pub const fn get(id: &'static str, path: &'static str) -> Self {
        Self::new(id, Method::Get, path)
    }

    /// A command.
    #[must_use]
    pub const fn post(id: &'static str, path: &'static str) -> Self {
        Self::new(id, Method::Post, path)
    }

    /// Sets a thing.
    #[must_use]
    pub const fn put(id: &'static str, path: &'static str) -> Self {
        Self::new(id, Method::Put, path)
    }

    /// Changes parts of a thing.
    #[must_use]
    pub const fn patch(id: &'static str, path: &'static str) -> Self {
        Self::new(id, Method::Patch, path)
    }

    /// Takes a thing away: 204.
    #[must_use]
    pub const fn delete(id: &'static str, path: &'static str) -> Self {
        let mut operation = Self::new(id, Method::Delete, path);
        operation.statuses = &[204];
        operation
    }

    /// Group and one line of documentation.
    #[must_use]
    pub const fn about(mut self, tag: &'static str, summary: &'static str) -> Self {
        self.tag = tag;
        self.summary = summary;
        self
    }

    /// Open to everyone.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// For principals with a scope; buyers see their own things only.
    #[must_use]
    pub const fn scoped(mut self, scope: Scope) -> Self {
        self.access = Access::Scoped(scope);
        self
    }

    /// For buyers with one scope, who see their own things only, and for staff with another.
    #[must_use]
    pub const fn owned(mut self, buyer: Scope, staff: Scope) -> Self {
        self.access = Access::Owned { buyer, staff };
        self
    }

    /// For staff with a scope.
    #[must_use]
    pub const fn staff(mut self, scope: Scope) -> Self {
        self.access = Access::Staff(scope);
        self
    }

    /// For operators with a scope, on their own listener.
    #[must_use]
    pub const fn operator(self, scope: Scope) -> Self {
        self.staff(scope).gate(Gate::Operator)
    }

    /// What a request needs to be let in, if it is not a plain one.
    #[must_use]
    pub const fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Mark K: `Idempotency-Key` is required.
    #[must_use]
    pub const fn key(mut self) -> Self {
        self.idempotency = Idempotency::Key;
        self
    }

    /// Mark N: a natural key, the header is optional.
    #[must_use]
    pub const fn natural(mut self) -> Self {
        self.idempotency = Idempotency::Natural;
        self
    }

    /// Mark M: `If-Match` is required.
    #[must_use]
    pub const fn if_match(mut self) -> Self {
        self.precondition = Precondition::Required;
        self
    }

    /// Mark M, of a thing that is read with others inside: the weak tag of such a read,
    /// `W/"v17-.."`, names the version 17.
    #[must_use]
    pub const fn if_match_as_read(mut self) -> Self {
        self.precondition = Precondition::Required;
        self.weak_match = true;
        self
    }

    /// Mark m: `If-Match` is optional.
    #[must_use]
    pub const fn may_match(mut self) -> Self {
        self.precondition = Precondition::Optional;
        self
    }

    /// How long it may wait.
    #[must_use]
    pub const fn wait(mut self, wait: WaitLimit) -> Self {
        self.wait = wait;
        self
    }

    /// Path parameters.
    #[must_use]
    pub const fn params(mut self, params: &'static [Param]) -> Self {
        self.params = params;
        self
    }

    /// Query parameters.
    #[must_use]
    pub const fn query(mut self, query: &'static [Param]) -> Self {
        self.query = query;
        self
    }

    /// Statuses of success.
    #[must_use]
    pub const fn statuses(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self
    }

    /// What it makes stands nowhere: a token, a day's points.
    #[must_use]
    pub const fn unlocated(mut self) -> Self {
        self.located = false;
        self
    }

    /// Codes of its own.
    #[must_use]
    pub const fn codes(mut self, codes: &'static [Code]) -> Self {
        self.codes = codes;
        self
    }

    /// How replies may be cached.
    #[must_use]
    pub const fn caching(mut self, caching: Caching) -> Self {
        self.caching = caching;
        self
    }

    /// `return=minimal` is honoured.
    #[must_use]
    pub const fn minimal(mut self) -> Self {
        self.minimal = true;
        self
    }

    /// `?ticket=` is taken.
    #[must_use]
    pub const fn ticket(mut self) -> Self {
        self.ticket = true;
        self
    }

    /// Its handler reads the query: a live stream takes any value, as it answers whoever may read.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.lenient_query = true;
        self
    }

    /// An endpoint of the demo issuer: errors of RFC 6749, unknown parameters ignored.
    #[must_use]
    pub const fn oauth(mut self) -> Self {
        self.error_form = ErrorForm::OAuth;
        self.lenient_query = true;
        self.access = Access::Public;
        self.caching = Caching::Never;
        self.anonymous = true;
        self.demo = true;
        self
    }

    /// Sheds who asks too often, as a node that is full of streams does: a problem would end more
    /// than the request.
    #[must_use]
    pub const fn shedding(mut self, shed: fn() -> HttpResponse) -> Self {
        self.shed = Some(shed);
        self
    }

    /// Exists with `--demo` only.
    #[must_use]
    pub const fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// What the authority has to check.
    #[must_use]
    pub const fn need(&self) -> Need {
        Need {
            access: self.access,
            safe: matches!(self.method, Method::Get),
            ticket: self.ticket,
            anonymous: self.anonymous,
            tenant: matches!(self.error_form, ErrorForm::Problem)
                && !matches!(self.caching, Caching::Document),
        }
    }

    /// Whether `If-None-Match: *` can come true: it makes the very thing whose version it asks for.
    #[must_use]
    pub fn creates(&self) -> bool {
        let is_conditional = self.precondition != Precondition::None;
        self.method == Method::Put && is_conditional && self.statuses.contains(&201)
    }

    /// Every code that it may answer: its own and those that its form brings.
    #[must_use]
    pub fn all_codes(&self, body: bool) -> Vec<Code> {
        let mut codes = self.codes.to_vec();
        codes.push(Code::Internal);
        match self.gate {
            Gate::Request if self.shed.is_some() => {}
            Gate::Request => {
                codes.extend([Code::OverCapacity, Code::Unavailable, Code::RateLimited]);
            }
            Gate::Operator => codes.extend([Code::OverCapacity, Code::Unavailable]),
        }
        if body {
            codes.extend([Code::Timeout, Code::TooLarge, Code::UnsupportedMediaType]);
        }
        if self.error_form == ErrorForm::Problem {
            codes.extend(self.codes_of_problems(body));
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// The codes that the checks of our own operations bring; the issuer has checks of its own.
    fn codes_of_problems(&self, body: bool) -> Vec<Code> {
        let mut codes = vec![Code::InvalidRequest, Code::Unauthenticated, Code::TenantMismatch];
        match self.access {
            Access::Public | Access::SignedIn => {}
            Access::Scoped(_) | Access::Staff(_) | Access::Owned { .. } => {
                codes.push(Code::InsufficientScope);
            }
        }
        if self.method != Method::Get {
            codes.push(Code::CsrfFailed);
        }
        if !self.params.is_empty() {
            codes.push(Code::NotFound);
        }
        if body {
            codes.push(Code::ValidationFailed);
        }
        // `idempotency_in_progress` is not among them: an entity takes one command at a time, so
        // the second request with a key waits for the first, and gets its answer.
        match self.idempotency {
            Idempotency::None => {}
            Idempotency::Key | Idempotency::Natural => codes.push(Code::IdempotencyKeyReused),
        }
        if self.idempotency == Idempotency::Key {
            codes.push(Code::IdempotencyKeyRequired);
        }
        match self.precondition {
            Precondition::None => {}
            Precondition::Required => {
                codes.extend([Code::PreconditionRequired, Code::VersionMismatch]);
            }
            Precondition::Optional => codes.push(Code::VersionMismatch),
        }
        codes
    }
}
