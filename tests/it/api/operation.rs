//! The operations of the served document, and a well-formed request for each.
//!
//! Paths are filled with things that exist, required headers and bodies from the schemas. What only
//! a rule of the domain asks for (a cart's hash, a word of a closed list) the tests add themselves.

use serde_json::{Map, Value, json};

use super::stage::Stage;
use super::{Ask, ask};

/// An operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// `public`, `signed_in`, `scoped` or `staff`.
    pub(crate) access: String,
    pub(crate) scope: Option<String>,
    /// Whether it has the issuer's own form of errors and credentials.
    pub(crate) is_issuer: bool,
    pub(crate) statuses: Vec<u16>,
    described: Value,
}

/// Every operation of a document, by path and method.
pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let access = &described["x-access"];
            let statuses = described["responses"].as_object().unwrap().keys();
            all.push(Operation {
                id: described["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                access: access["kind"].as_str().unwrap().to_owned(),
                scope: access["scopes"][0].as_str().map(str::to_owned),
                is_issuer: described["security"].as_array().unwrap().is_empty(),
                statuses: statuses.map(|status| status.parse().unwrap()).collect(),
                described: described.clone(),
            });
        }
    }
    assert!(all.len() >= 50, "the document lost its operations");
    all
}

impl Operation {
    /// Whether its path names a thing, which may not be there or be another's. Words of a list
    /// that the document gives are there for everybody.
    pub(crate) fn has_params(&self) -> bool {
        let parameters = self.described["parameters"].as_array();
        let is_thing = |it: &Value| it["in"] == "path" && !it["schema"]["enum"].is_array();
        parameters.is_some_and(|parameters| parameters.iter().any(is_thing))
    }

    pub(crate) fn takes_body(&self) -> bool {
        self.described["requestBody"].is_object()
    }

    pub(crate) fn media_type(&self) -> Option<&str> {
        let content = self.described["requestBody"]["content"].as_object()?;
        content.keys().next().map(String::as_str)
    }

    /// `required`, `optional` or `none`.
    pub(crate) fn precondition(&self) -> &str {
        self.described["x-precondition"].as_str().unwrap()
    }

    /// `key`, `natural` or `none`.
    pub(crate) fn idempotency(&self) -> &str {
        self.described["x-idempotency"].as_str().unwrap()
    }

    /// The path with the stage's things in it.
    pub(crate) fn filled(&self, stage: &Stage) -> String {
        let parts: Vec<&str> = self.path.split('/').collect();
        let filled = parts.iter().enumerate().map(|(index, part)| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            match name {
                Some(name) => {
                    stage.thing(parts[index - 1]).unwrap_or_else(|| self.example_of(name))
                }
                None => (*part).to_owned(),
            }
        });
        filled.collect::<Vec<_>>().join("/")
    }

    /// A value of a path parameter's form, of a thing that does not exist.
    fn example_of(&self, name: &str) -> String {
        let parameters = self.described["parameters"].as_array().unwrap();
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        let schema = &found.unwrap_or_else(|| panic!("{} lacks {name}", self.id))["schema"];
        if let Some(word) = schema["enum"][0].as_str() {
            return word.to_owned();
        }
        if schema["type"] == "integer" {
            return "1".to_owned();
        }
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        match pattern.strip_prefix('^').and_then(|rest| rest.split_once("_[")) {
            Some((prefix, _)) => format!("{prefix}_{}", "0".repeat(32)),
            None => "unheard-of".to_owned(),
        }
    }

    /// The path with well-formed names of nothing.
    pub(crate) fn of_nothing(&self) -> String {
        let part = |part: &str| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.map_or_else(|| part.to_owned(), |name| self.example_of(name))
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// A request with everything that the document requires, on things of the stage.
    pub(crate) fn request(&self, stage: &Stage, document: &Value) -> Ask {
        self.request_at(self.filled(stage), stage, document)
    }

    /// The same at another path.
    pub(crate) fn request_at(&self, path: String, stage: &Stage, document: &Value) -> Ask {
        let mut request = ask(&self.method, path);
        if self.idempotency() == "key" {
            request = request.key(&stage.fresh("key"));
        }
        if self.precondition() == "required" {
            request = request.header("if-match", "\"v1\"");
        }
        match self.media_type() {
            None => request,
            Some("application/x-www-form-urlencoded") => request.form("token=x&grant_type=x"),
            Some(media_type) => {
                let content = &self.described["requestBody"]["content"][media_type];
                let mut body = sample(&content["schema"], "", stage, document);
                if self.id == "adjustStock" {
                    // One of two members, which a schema of members cannot say.
                    body["delta"] = json!(1);
                }
                request.json(&body)
            }
        }
    }
}

/// A small value that a schema takes. Names of members say what texts mean.
fn sample(schema: &Value, name: &str, stage: &Stage, document: &Value) -> Value {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.trim_start_matches('#');
        return sample(document.pointer(pointer).unwrap(), name, stage, document);
    }
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let real = choices.iter().find(|choice| choice["type"] != "null").unwrap();
            return sample(real, name, stage, document);
        }
    }
    let of_type = match &schema["type"] {
        Value::Array(types) => types.iter().find(|name| *name != "null").unwrap(),
        one => one,
    };
    match of_type.as_str().unwrap_or_default() {
        "object" => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let members = required.iter().map(|member| {
                let member = member.as_str().unwrap();
                let value = sample(&schema["properties"][member], member, stage, document);
                (member.to_owned(), value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        "array" => {
            let n = schema["minItems"].as_u64().unwrap_or(0);
            let item = |_| sample(&schema["items"], name, stage, document);
            Value::Array((0..n).map(item).collect())
        }
        "integer" | "number" => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        "boolean" => json!(false),
        "string" => text(schema, name, stage),
        other => panic!("{name} has the type {other:?}: {schema}"),
    }
}

fn text(schema: &Value, name: &str, stage: &Stage) -> Value {
    let known = match name {
        "currency" => "USD",
        "country" => "US",
        "location" => "main",
        "email" => "ada@example.com",
        "topics" => "me",
        "cart_id" => &stage.cart,
        "guest_token" => &stage.guest,
        "sku" => &stage.sku,
        "product_id" => &stage.product,
        _ => "",
    };
    if !known.is_empty() {
        return json!(known);
    }
    match schema["format"].as_str() {
        Some("date-time") => json!("2026-11-20T08:15:30.000Z"),
        Some("date") => json!("2026-11-20"),
        _ => {
            let least = schema["minLength"].as_u64().unwrap_or(1).max(1);
            json!("x".repeat(usize::try_from(least).unwrap()))
        }
    }
}
