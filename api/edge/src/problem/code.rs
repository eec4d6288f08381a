//! The machine-readable codes of refusals, each with its status, title and whether a retry helps.
//!
//! The table of interfaces.md 1, as an enum: a code that is not here cannot be answered. Codes are
//! never renamed; clients branch on them.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $status:literal $text:literal $title:literal;)*) => {
        /// Why a request was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// A short sentence for people, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            const fn status_number(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// Syntax, unknown or missing fields, bad parameters or headers.
    InvalidRequest = 400 "invalid_request" "The request is malformed";
    /// The operation needs an `Idempotency-Key`.
    IdempotencyKeyRequired = 400 "idempotency_key_required" "An Idempotency-Key is required";
    /// No credential, or one that is not valid any more.
    Unauthenticated = 401 "unauthenticated" "A valid credential is required";
    /// The gateway definitely refused.
    PaymentDeclined = 402 "payment_declined" "The payment was declined";
    /// The credential does not allow this.
    InsufficientScope = 403 "insufficient_scope" "The credential does not allow this";
    /// A cookie without its CSRF token, or from an unlisted origin.
    CsrfFailed = 403 "csrf_failed" "The CSRF check failed";
    /// Token, key and host name different shops.
    TenantMismatch = 403 "tenant_mismatch" "The credentials belong to different shops";
    /// Another person has to approve.
    ApprovalRequired = 403 "approval_required" "Another person has to approve";
    /// Not there, or not for this caller.
    NotFound = 404 "not_found" "Not found";
    /// The path knows other methods only.
    MethodNotAllowed = 405 "method_not_allowed" "The method is not allowed here";
    /// The request did not arrive in time.
    Timeout = 408 "timeout" "The request took too long to arrive";
    /// Fewer units than were asked for.
    OutOfStock = 409 "out_of_stock" "Out of stock";
    /// The quote is not the price any more.
    PriceChanged = 409 "price_changed" "The price changed";
    /// Stock could not be reserved in time.
    ReservationTimeout = 409 "reservation_timeout" "The reservation took too long";
    /// The cart's content is an order already.
    CartAlreadyOrdered = 409 "cart_already_ordered" "The cart is ordered already";
    /// The thing's state does not allow this.
    InvalidState = 409 "invalid_state" "The state does not allow this";
    /// The wallet holds less.
    InsufficientFunds = 409 "insufficient_funds" "The balance is too small";
    /// The buyer's limit is reached.
    PurchaseLimit = 409 "purchase_limit" "The purchase limit is reached";
    /// The coupon does not apply.
    CouponNotApplicable = 409 "coupon_not_applicable" "The coupon does not apply";
    /// More than can be refunded.
    NotRefundable = 409 "not_refundable" "The amount is not refundable";
    /// Below the next bid.
    BidTooLow = 409 "bid_too_low" "The bid is too low";
    /// The first request with this key is still running.
    IdempotencyInProgress = 409 "idempotency_in_progress" "A request with this key is running";
    /// The reserved units are gone.
    ReservationExpired = 410 "reservation_expired" "The reservation expired";
    /// The version is another one.
    VersionMismatch = 412 "version_mismatch" "The version is not the current one";
    /// The body is too large.
    TooLarge = 413 "too_large" "The request is too large";
    /// The body has another media type.
    UnsupportedMediaType = 415 "unsupported_media_type" "The media type is not supported";
    /// Values outside their range or form.
    ValidationFailed = 422 "validation_failed" "A value is not valid";
    /// An amount outside +-(2^53-1).
    MoneyOverflow = 422 "money_overflow" "An amount is too large";
    /// Another currency than the cart's.
    CurrencyMismatch = 422 "currency_mismatch" "The currency is another one";
    /// The key was used with another request.
    IdempotencyKeyReused = 422 "idempotency_key_reused" "The key was used for another request";
    /// The operation needs `If-Match`.
    PreconditionRequired = 428 "precondition_required" "If-Match is required";
    /// The principal's requests per minute are used up, or its window of keys is full.
    RateLimited = 429 "rate_limited" "Too many requests";
    /// A bug or a broken promise of ours.
    Internal = 500 "internal" "Internal error";
    /// More work than the node takes.
    OverCapacity = 503 "over_capacity" "Over capacity";
    /// A part is not available now, or draining.
    Unavailable = 503 "unavailable" "Unavailable";
}

impl Code {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status_number()).expect("the table holds statuses only")
    }

    /// Whether the same request may succeed later without a change.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::ReservationTimeout
                | Self::IdempotencyInProgress
                | Self::RateLimited
                | Self::OverCapacity
                | Self::Unavailable
        )
    }

    /// The `type` member of RFC 9457.
    #[must_use]
    pub fn type_uri(self) -> String {
        if self == Self::RateLimited {
            "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned()
        } else {
            format!("urn:mercato:problem:{}", self.as_str())
        }
    }

    /// Seconds for `Retry-After` when nobody knows better; `None`: no such header.
    #[must_use]
    pub const fn retry_after_s(self) -> Option<u32> {
        if self.retryable() && !matches!(self, Self::Timeout) { Some(1) } else { None }
    }
}
