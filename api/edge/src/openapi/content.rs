//! What the document says of a body.

use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::dto::Money;
use crate::routes::carts::quote::QuoteJson;

/// A body's media type and schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// There is none.
    None,
    /// Any bytes.
    Binary,
    /// An HTML form, with the names of its fields; the first one is required.
    Form(&'static [&'static str]),
    /// A text of a media type.
    Text(&'static str),
    /// JSON of a type.
    Json {
        /// The media type.
        media_type: &'static str,
        /// The name of its schema.
        name: String,
        /// The schemas that it needs, itself included.
        schemas: Vec<(String, Value)>,
        /// Whether it may be left out.
        optional: bool,
    },
}

impl Content {
    /// The content of a type.
    #[must_use]
    pub fn of<T: ToSchema>(media_type: &'static str) -> Self {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        <T as ToSchema>::schemas(&mut schemas);
        let schemas = schemas
            .into_iter()
            .map(|(name, schema)| {
                (name, serde_json::to_value(schema).expect("schemas are plain data"))
            })
            .collect();
        Self::Json { media_type, name: T::name().into_owned(), schemas, optional: false }
    }

    /// A stream of server-sent events whose data is JSON of a type. The schema is that of one
    /// event as a client takes it apart: its data is a text, which holds the JSON.
    #[must_use]
    pub fn events<T: ToSchema>() -> Self {
        match Self::of::<T>("text/event-stream") {
            Self::Json { media_type, name: data, mut schemas, optional } => {
                let name = "StreamEvent".to_owned();
                let event = json!({
                    "type": "object",
                    "description": "One event of a stream.",
                    "properties": {
                        "event": {"type": "string", "enum": ["order.status", "reset", "bye"]},
                        "id": {"type": "string", "description": "What to come back with."},
                        "retry": {"type": "integer", "description": "In ms.", "minimum": 0},
                        "data": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": format!("#/components/schemas/{data}")},
                        },
                    },
                    "required": ["event", "data"],
                });
                schemas.push((name.clone(), event));
                Self::Json { media_type, name, schemas, optional }
            }
            other @ (Self::None | Self::Binary | Self::Form(_) | Self::Text(_)) => other,
        }
    }

    /// The content of a body that may be left out.
    #[must_use]
    pub fn optional<T: ToSchema>(media_type: &'static str) -> Self {
        match Self::of::<T>(media_type) {
            Self::Json { media_type, name, schemas, .. } => {
                Self::Json { media_type, name, schemas, optional: true }
            }
            other @ (Self::None | Self::Binary | Self::Form(_) | Self::Text(_)) => other,
        }
    }

    /// The `content` member; `None`: there is no body.
    pub(super) fn describe(&self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Binary => Some(json!({"application/octet-stream": {}})),
            Self::Form(fields) => {
                let text = || json!({"type": "string"});
                let fields_by_name: serde_json::Map<String, Value> =
                    fields.iter().map(|name| ((*name).to_owned(), text())).collect();
                Some(json!({"application/x-www-form-urlencoded": {"schema": {
                    "type": "object",
                    "properties": fields_by_name,
                    "required": fields.iter().take(1).collect::<Vec<_>>(),
                }}}))
            }
            // What such a document holds is described by its own standard.
            Self::Text(media_type) if media_type.ends_with("json") => {
                Some(json!({*media_type: {}}))
            }
            Self::Text(media_type) => Some(json!({*media_type: {"schema": {"type": "string"}}})),
            Self::Json { media_type, name, .. } => Some(json!({*media_type: {
                "schema": {"$ref": format!("#/components/schemas/{name}")},
            }})),
        }
    }

    pub(super) const fn is_required(&self) -> bool {
        !matches!(self, Self::None | Self::Json { optional: true, .. })
    }
}

/// A fault inside a request.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[allow(dead_code, reason = "only its schema is used; problem::Fault is what is written")]
pub(super) struct FaultBody {
    /// Where in the body: JSON Pointer (RFC 6901); empty: the body as a whole, or not in the body.
    pointer: String,
    /// Of the query or among the headers: the name there.
    #[schema(required = false)]
    parameter: String,
    /// What kind of fault.
    code: String,
    /// In words.
    detail: String,
}

/// RFC 9457. Members that are not required belong to the codes that they name.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "only its schema is used; problem::Problem is what is written")]
pub(super) struct ProblemBody {
    /// A URI that names the kind of problem.
    #[schema(required = true)]
    r#type: String,
    /// The kind in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// This occurrence in words; the title where there is no more to say.
    detail: String,
    /// The path of the request.
    instance: String,
    /// What clients branch on.
    code: String,
    /// The number of the request.
    request_id: String,
    /// The trace of the request.
    trace_id: String,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// The faults inside the request.
    errors: Vec<FaultBody>,
    /// `version_mismatch`: the version of the thing; 0: it is not there.
    #[schema(required = false)]
    version: u64,
    /// `invalid_state`: where the thing stands.
    #[schema(required = false)]
    state: String,
    /// `invalid_state` of an order: whether it is on hold.
    #[schema(required = false)]
    on_hold: bool,
    /// `invalid_state` of a sign-in: the day that it is for the customer, `YYYY-MM-DD`.
    #[schema(required = false)]
    today: String,
    /// `out_of_stock`: what cannot be had.
    #[schema(required = false)]
    lines: Vec<ShortLine>,
    /// `price_changed`: the quote that can be accepted; not of an order that was made.
    #[schema(required = false)]
    quote: QuoteJson,
    /// Placing, once there is an order: where that stands.
    #[schema(required = false)]
    order: String,
    /// `cart_already_ordered`: the order.
    #[schema(required = false)]
    order_id: String,
    /// `insufficient_funds`: what there is.
    #[schema(required = false)]
    available: Money,
    /// `coupon_not_applicable`: why.
    #[schema(required = false)]
    reason: String,
    /// `coupon_not_applicable`: which.
    #[schema(required = false)]
    coupon: String,
    /// `validation_failed` of a change of stock: what is on hand.
    #[schema(required = false)]
    on_hand: i64,
    /// `rate_limited` by requests per minute: the policies of `RateLimit-Policy`.
    #[schema(rename = "violated-policies", required = false)]
    violated_policies: Vec<String>,
    /// `unavailable` on the admin listener: the shards that did not answer.
    #[schema(required = false)]
    shards_missing: Vec<u16>,
}

/// A SKU of which there is less than was asked for.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct ShortLine {
    /// The SKU.
    sku: String,
    /// Units that can be had.
    available: u32,
}

/// RFC 6749 5.2.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct OAuthError {
    /// The error's name.
    error: String,
    /// The error in words.
    error_description: String,
}

/// A schema for what PartialSchema knows.
pub(super) fn schema_of<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).expect("schemas are plain data")
}
