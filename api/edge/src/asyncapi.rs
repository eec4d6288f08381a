//! The AsyncAPI 3.0 document: what a node says without being asked.
//!
//! Events on the bus come from the table that the domain publishes by, frames of live streams from
//! the types that are written to them. The document is checked in and a test holds it to the code.
//! It describes no JetStream option: NATS binding 0.1.0 knows only queues, so streams stand in
//! `x-jetstream`.

use commerce::published::{FACES, Face, Field, Form};
use serde_json::{Map, Value, json};

use crate::openapi::{self, Content};
use crate::push::{ByeFrame, OrderFrame, PageFrame};

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut parts = Parts::default();
    for face in FACES {
        parts.bus(face);
    }
    parts.live();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "mercato",
            "version": "1.0.0",
            "description": "Events on the bus and live streams. Data may gain members and texts \
                            may gain values; versions of an entity on the bus have no gaps.",
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "bus": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "NATS with JetStream, where the node was given one: at least once, \
                                in order per entity. Consumers drop repeats by entity and version.",
            },
            "node": {"host": "localhost:8080", "protocol": "http"},
            "socket": {"host": "localhost:8080", "protocol": "ws"},
        },
        "channels": parts.channels,
        "operations": parts.operations,
        "components": {"messages": parts.messages, "schemas": parts.schemas},
    })
}

/// The schema of the data of a type; `None`: there is no such type or version.
#[must_use]
pub fn data_schema(event_type: &str, version: u16) -> Option<Value> {
    let face = FACES.into_iter().find(|face| face.types.contains(&event_type))?;
    (face.data_version == version).then(|| {
        let mut schema = object(face.fields);
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["$id"] = json!(format!("/schemas/{event_type}/{version}.json"));
        schema["title"] = json!(event_type);
        schema
    })
}

#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Parts {
    /// The channel of a domain on the bus.
    fn bus(&mut self, face: &Face) {
        let (domain, version) = (face.domain, face.data_version);
        let data = format!("{domain}.{version}");
        self.schemas.insert(data.clone(), object(face.fields));
        let names: Vec<&str> = face.types.iter().map(|name| after_dot(name)).collect();
        for event_type in face.types {
            let message = json!({
                "name": event_type,
                "contentType": "application/json",
                "headers": headers(event_type, version),
                "payload": reference("schemas", &data),
            });
            self.messages.insert((*event_type).to_owned(), message);
        }
        let address = format!("{domain}.v1.{{tenant}}.{{id}}.{{event}}");
        let mut channel = channel(&address, "bus", face.types);
        channel["description"] = json!(
            "In tenant and id every byte but letters, digits, `_` and `-` is written as %XX."
        );
        channel["parameters"] = json!({
            "tenant": {"description": "The shop."},
            "id": {"description": "The entity."},
            "event": {"description": "The type without its first part.", "enum": names},
        });
        channel["bindings"] = json!({"nats": {"bindingVersion": "0.1.0"}});
        channel["x-jetstream"] = json!({
            "stream": domain.to_ascii_uppercase(),
            "subjects": [format!("{domain}.v1.>")],
        });
        self.add(domain, "publish", channel);
    }

    /// Live streams of orders: server-sent events, and the same frames on a WebSocket.
    fn live(&mut self) {
        let contents = [
            Content::of::<OrderFrame>("application/json"),
            Content::of::<PageFrame>("application/json"),
            Content::of::<ByeFrame>("application/json"),
        ];
        self.schemas.extend(openapi::schemas_of(&contents));
        self.schemas.extend(socket_schemas());
        let frames = [
            ("order.status", "OrderFrame", "The order's state; facts are never skipped."),
            ("reset", "OrderFrame", "The client's version is none of this history: begin anew."),
            ("reset.page", "PageFrame", "`reset` on the stream of a customer."),
            ("bye", "ByeFrame", "The stream ends; come back after that time."),
            ("socket.event", "SocketEvent", "A frame of a topic."),
            ("socket.answer", "SocketAnswer", "What a request came to."),
            ("socket.bye", "SocketBye", "The connection ends."),
            ("socket.request", "SocketRequest", "What a client asks for."),
        ];
        for (name, schema, about) in frames {
            let message = json!({
                "name": name.split_once(".page").map_or(name, |(name, _)| name),
                "summary": about,
                "payload": reference("schemas", schema),
            });
            self.messages.insert(name.to_owned(), message);
        }
        let mut order =
            channel("/v1/orders/{id}/events", "node", &["order.status", "reset", "bye"]);
        order["parameters"] = json!({"id": {"description": "An order's id."}});
        order["description"] = json!("text/event-stream: the message's name is the event.");
        self.add("orderStream", "send", order);
        let mut mine = channel("/v1/me/events", "node", &["order.status", "reset.page", "bye"]);
        mine["description"] = json!(
            "text/event-stream over the caller's newest 40 orders, and older ones until they are \
             over; 200 together."
        );
        self.add("myStream", "send", mine);
        let said = ["socket.event", "socket.answer", "socket.bye", "socket.request"];
        let mut socket = channel("/v1/ws", "socket", &said);
        socket["description"] = json!("Subprotocol commerce.v1+json.");
        socket["bindings"] = json!({"ws": {"method": "GET", "bindingVersion": "0.1.0"}});
        self.channels.insert("socket".to_owned(), socket);
        for (operation, action, messages) in
            [("sendSocket", "send", &said[..3]), ("receiveSocket", "receive", &said[3..])]
        {
            self.operations.insert(operation.to_owned(), acting(action, "socket", messages));
        }
    }

    /// A channel on which the node says everything.
    fn add(&mut self, name: &str, verb: &str, channel: Value) {
        let names = channel["messages"].as_object().map(|messages| messages.keys().cloned());
        let names: Vec<String> = names.into_iter().flatten().collect();
        let mut operation = verb.to_owned();
        operation.extend(name.chars().next().map(|first| first.to_ascii_uppercase()));
        operation.push_str(&name[1..]);
        self.operations.insert(operation, acting("send", name, &names));
        self.channels.insert(name.to_owned(), channel);
    }
}

fn after_dot(event_type: &str) -> &str {
    event_type.split_once('.').map_or(event_type, |(_, event)| event)
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

fn channel(address: &str, server: &str, messages: &[&str]) -> Value {
    let messages: Map<String, Value> =
        messages.iter().map(|name| ((*name).to_owned(), reference("messages", name))).collect();
    json!({
        "address": address,
        "servers": [{"$ref": format!("#/servers/{server}")}],
        "messages": messages,
    })
}

fn acting(action: &str, channel: &str, messages: &[impl AsRef<str>]) -> Value {
    let message = |name: &str| json!({"$ref": format!("#/channels/{channel}/messages/{name}")});
    json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{channel}")},
        "messages": messages.iter().map(|name| message(name.as_ref())).collect::<Vec<_>>(),
    })
}

/// The attributes of a CloudEvent in binary mode.
fn headers(event_type: &str, version: u16) -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let properties = json!({
        "Nats-Msg-Id": text("The same as ce-id."),
        "ce-specversion": {"type": "string", "const": "1.0"},
        "ce-id": text("`{history}.{shard}:{seq}`; a repeat has the same."),
        "ce-source": text("`/mercato/{tenant}`."),
        "ce-type": {"type": "string", "const": event_type},
        "ce-subject": text("The entity's id."),
        "ce-time": {"type": "string", "format": "date-time"},
        "ce-dataschema": {
            "type": "string",
            "const": format!("/schemas/{event_type}/{version}.json"),
        },
        "ce-datacontenttype": {"type": "string", "const": "application/json"},
        "ce-sequence": {
            "type": "string",
            "pattern": "^[0-9]{20}$",
            "description": "The entity's version.",
        },
        "ce-partitionkey": text("The affinity part of the id."),
        "ce-traceparent": text("W3C trace context of the causing request."),
        "ce-tenantid": text("The shop."),
    });
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

/// The schema of an object of the domain.
fn object(fields: &[Field]) -> Value {
    let schema_of = |field: &Field| {
        let mut schema = match field.form {
            Form::Text => json!({"type": "string"}),
            Form::Flag => json!({"type": "boolean"}),
            Form::Count => json!({"type": "integer", "minimum": 0}),
            Form::Integer => json!({"type": "integer"}),
            Form::Object(fields) => object(fields),
            Form::List(fields) => json!({"type": "array", "items": object(fields)}),
        };
        schema["description"] = json!(field.about);
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = fields.iter().map(schema_of).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.is_always).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// What goes over a WebSocket beside the frames.
fn socket_schemas() -> Map<String, Value> {
    let text = || json!({"type": ["string", "null"]});
    let schemas = json!({
        "SocketEvent": {
            "type": "object",
            "properties": {
                "op": {"type": "string", "enum": ["event", "reset"]},
                "topic": {"type": "string", "description": "`me` or `orders/ord_..`."},
                "id": {"type": "string", "description": "What to come back with."},
                "seq": {"type": ["integer", "null"], "description": "The order's version."},
                "type": {"type": "string", "enum": ["order.status", "reset"]},
                "data": {"anyOf": [
                    reference("schemas", "OrderFrame"),
                    reference("schemas", "PageFrame"),
                ]},
            },
            "required": ["op", "topic", "id", "seq", "type", "data"],
        },
        "SocketAnswer": {
            "type": "object",
            "properties": {
                "op": {"type": "string", "enum": ["ack", "error"]},
                "id": {
                    "type": ["string", "integer", "null"],
                    "description": "That of the request, as it came.",
                },
                "topic": text(),
                "problem": {"type": "object", "description": "RFC 9457, with `error`."},
            },
            "required": ["op", "id"],
        },
        "SocketBye": {
            "type": "object",
            "properties": {
                "op": {"type": "string", "const": "bye"},
                "reason": {"type": "string"},
                "reconnect_ms": {"type": "integer", "minimum": 0},
            },
            "required": ["op", "reason", "reconnect_ms"],
        },
        "SocketRequest": {
            "type": "object",
            "properties": {
                "op": {"type": "string", "enum": ["sub", "unsub", "ping"]},
                "id": {"type": ["string", "integer"], "minLength": 1, "maxLength": 64},
                "topic": {"type": "string", "maxLength": 64},
                "last_seq": {
                    "type": ["integer", "string", "null"],
                    "description": "The `id` of the last frame of the topic that came; of an \
                        order that is its `seq`. Without it the topic begins anew.",
                },
            },
            "required": ["op"],
            "additionalProperties": false,
        },
    });
    match schemas {
        Value::Object(schemas) => schemas,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
