//! What only a broken or hostile client writes: heads and bodies that no library would send.

use crate::api::stage::Stage;
use crate::api::{Ask, ask, cart_body};

/// Bytes for a socket, and the answers that are right.
pub(super) struct Broken {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) expected: &'static [&'static str],
}

fn broken(name: &'static str, expected: &'static [&'static str], ask: &Ask) -> Broken {
    Broken { name, bytes: ask.wire(), expected }
}

fn raw(name: &'static str, expected: &'static [&'static str], head: &str) -> Broken {
    Broken { name, bytes: head.as_bytes().to_vec(), expected }
}

/// The framework refuses a head that it cannot read by itself: 400 or an end, never a problem.
const UNREADABLE: &[&str] = &["400", "431", "closed"];
const NOT_FOUND: &[&str] = &["404 not_found"];
const INVALID: &[&str] = &["400 invalid_request"];

pub(super) fn all(stage: &Stage) -> Vec<Broken> {
    let token = format!("Bearer {}", stage.alice);
    let put = ask("PUT", "/v1/carts/wire-cart-1").header("authorization", &token).create();
    let body = cart_body(&stage.sku, 1).to_string().into_bytes();
    let head = "host: 127.0.0.1\r\nconnection: close\r\n";
    let mut all = vec![
        raw("not HTTP", UNREADABLE, "\u{16}\u{3}\u{1} hello\r\n\r\n"),
        raw("an unknown version", UNREADABLE, "GET /v1/home HTTP/9.9\r\n\r\n"),
        raw(
            "a space in a header's name",
            UNREADABLE,
            &format!("GET / HTTP/1.1\r\n{head}a b: c\r\n\r\n"),
        ),
        raw(
            "a length that is no number",
            UNREADABLE,
            &format!("POST /v1/guests HTTP/1.1\r\n{head}content-length: -1\r\n\r\n"),
        ),
        raw(
            "two lengths",
            UNREADABLE,
            &format!(
                "POST /v1/guests HTTP/1.1\r\n{head}content-length: 1\r\ncontent-length: 2\r\n\r\nab"
            ),
        ),
        raw(
            "a length and chunks",
            UNREADABLE,
            &format!(
                "POST /v1/guests HTTP/1.1\r\n{head}content-length: 4\r\n\
                 transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        raw(
            "a head of 200 KB",
            UNREADABLE,
            &format!("GET /v1/me HTTP/1.1\r\n{head}x: {}\r\n\r\n", "a".repeat(200_000)),
        ),
        broken(
            "a path above the root",
            NOT_FOUND,
            &ask("GET", "/v1/../../etc/passwd").header("authorization", &token),
        ),
        broken(
            "a path above the root, encoded",
            NOT_FOUND,
            &ask("GET", "/v1/orders/..%2f..%2fme").header("authorization", &token),
        ),
        broken(
            "dots for an id",
            NOT_FOUND,
            &ask("GET", "/v1/carts/..").header("authorization", &token),
        ),
        broken(
            "an id that is not UTF-8",
            NOT_FOUND,
            &ask("GET", "/v1/carts/%ff%fe%fd%fc%fb%fa%f9%f8").header("authorization", &token),
        ),
        broken(
            "a query that is not UTF-8",
            INVALID,
            &ask("GET", "/v1/me/orders?cursor=%ff%fe").header("authorization", &token),
        ),
        broken(
            "a token twice",
            INVALID,
            &ask("GET", "/v1/me").header("authorization", &token).header("authorization", &token),
        ),
        broken(
            "a body that ends early",
            &["408 timeout"],
            &put.clone()
                .header("content-type", "application/json")
                .header("content-length", "10")
                .bytes("", b"{".to_vec()),
        ),
        broken(
            "a length of 1 TB",
            &["413 too_large"],
            &put.clone()
                .header("content-type", "application/json")
                .header("content-length", "1099511627776")
                .bytes("", body.clone()),
        ),
    ];
    let mut bytes = put.clone().header("if-match", "\u{1}").bytes("application/json", body).wire();
    // A header's value may hold bytes above 127; they are no tag.
    let at = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[at] = 0xff;
    all.push(Broken { name: "a tag of other bytes than ASCII", bytes, expected: INVALID });
    let chunked = put
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked")
        .wire();
    let chunks = format!("{:x}\r\n{}\r\n0\r\n\r\n", 300 * 1024, " ".repeat(300 * 1024));
    all.push(Broken {
        name: "300 KB in chunks without a length",
        bytes: [chunked, chunks.into_bytes()].concat(),
        expected: &["413 too_large"],
    });
    all
}
