//! One spelling per JSON value, for fingerprints and signatures.
//!
//! Members in byte order of their names, no white space, numbers as `serde_json` writes them.
//! Not RFC 8785: the bytes are compared with our own only.

use serde_json::Value;

/// The canonical bytes of a tree.
#[must_use]
pub fn canonical(tree: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(tree, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            serde_json::to_writer(&mut *out, value).expect("writing to memory cannot fail");
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // Sorted here: a feature of another crate may make the map keep insertion order.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push(b'{');
            for (index, (name, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, name).expect("writing to memory cannot fail");
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}
