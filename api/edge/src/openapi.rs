//! The OpenAPI 3.1 document, written from the routes themselves.
//!
//! Every operation of the table is in it, with its marks, parameters, bodies, statuses and codes;
//! schemas come from the types that the handlers read and write. The document is checked in and a
//! test holds it to the code.

mod content;
mod links;
mod operation;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

pub use content::Content;
#[cfg(test)]
pub(crate) use links::named as linked;

use crate::json::INLINE;
use crate::operation::ErrorForm;
use crate::route::Route;

/// The document of some routes.
///
/// # Panics
/// When two routes share an operation id, or two types a schema name: both are bugs here.
#[must_use]
pub fn document(routes: &[Route]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut schemas = Schemas::default();
    schemas.add_all(&Content::of::<content::ProblemBody>("application/problem+json"), Side::Reply);
    if routes.iter().any(|route| route.operation.error_form == ErrorForm::OAuth) {
        schemas.add_all(&Content::of::<content::OAuthError>("application/json"), Side::Reply);
    }
    for route in routes {
        let operation = route.operation;
        assert!(ids.insert(operation.id), "two operations are called {}", operation.id);
        schemas.add_all(&(route.request)(), Side::Request);
        schemas.add_all(&(route.reply)(), Side::Reply);
        paths
            .entry(operation.path)
            .or_default()
            .insert(operation.method.as_str().to_ascii_lowercase(), operation::describe(route));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mercato",
            "version": "1.0.0",
            "description": "Commerce over HTTP. Errors are RFC 9457 problems; replies may gain \
                            fields and enums may gain values.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/", "description": "This node"}],
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": security_schemes(),
        },
    });
    // Objects that are written in place are those of merge patches: parts of requests.
    schemas.inline.values_mut().for_each(close_all);
    write_in_place(&mut document, &schemas.inline);
    document
}

/// The schemas of some replies by name, for other documents.
pub(crate) fn schemas_of(contents: &[Content]) -> Map<String, Value> {
    let mut schemas = Schemas::default();
    for content in contents {
        schemas.add_all(content, Side::Reply);
    }
    let mut found = Value::Object(schemas.finish().into_iter().collect());
    write_in_place(&mut found, &schemas.inline);
    match found {
        Value::Object(found) => found,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("an object stays one")
        }
    }
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token of the issuer, or a guest token.",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "__Host-mercato",
            "description": "A browser session; changes also need X-CSRF-Token and a listed \
                            Origin. Over plain HTTP in a demo the cookie is called `mercato`.",
        },
        "ticket": {
            "type": "apiKey", "in": "query", "name": "ticket",
            "description": "A stream ticket: read-only, 15 minutes.",
        },
        "publishableKey": {
            "type": "apiKey", "in": "header", "name": "Api-Key",
            "description": "Says which shop is meant where no token does.",
        },
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Reply,
}

/// Replies whose members others define: some are there in some cases only.
const OPEN: [&str; 4] = ["Problem", "Fault", "Tokens", "StreamEvent"];

#[derive(Default)]
struct Schemas {
    components: BTreeMap<String, Value>,
    /// Schemas that are written where they are used: scalars with a range.
    inline: BTreeMap<String, Value>,
    requests: BTreeSet<String>,
}

impl Schemas {
    fn add_all(&mut self, content: &Content, side: Side) {
        let Content::Json { schemas, .. } = content else { return };
        for (name, schema) in schemas {
            let table =
                if name.starts_with(INLINE) { &mut self.inline } else { &mut self.components };
            if side == Side::Request {
                self.requests.insert(name.clone());
            }
            let before = table.insert(name.clone(), schema.clone());
            assert!(
                before.is_none_or(|before| before == *schema),
                "two types have the schema name {name}"
            );
        }
    }

    /// The components; every member of a reply is declared as always present (interfaces.md 0.2).
    fn finish(&self) -> BTreeMap<String, Value> {
        let mut components = self.components.clone();
        for (name, schema) in &mut components {
            if self.requests.contains(name) {
                close_all(schema);
            } else if !OPEN.contains(&name.as_str()) {
                require_all(schema);
            }
        }
        components
    }
}

/// Says of every object of a request that it takes no other members (interfaces.md 0.2).
fn close_all(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(close_all);
        }
        Value::Array(items) => items.iter_mut().for_each(close_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn require_all(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                let names: Vec<Value> = properties.keys().cloned().map(Value::from).collect();
                members.insert("required".to_owned(), Value::Array(names));
            }
            members.values_mut().for_each(require_all);
        }
        Value::Array(items) => items.iter_mut().for_each(require_all),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces references to scalars by the scalars.
fn write_in_place(value: &mut Value, inline: &BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            let target = members
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix("#/components/schemas/"))
                .and_then(|name| inline.get(name))
                .cloned();
            if let Some(Value::Object(scalar)) = target {
                members.remove("$ref");
                for (name, member) in scalar {
                    members.entry(name).or_insert(member);
                }
            }
            members.values_mut().for_each(|member| write_in_place(member, inline));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| write_in_place(item, inline)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
