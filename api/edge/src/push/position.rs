//! What a client of `me` has: the version of each order, as one opaque token.
//!
//! The token is the `id` of every frame of that stream, so a reconnect gets exactly what is
//! missing. Five bytes of an order's uuid tell the orders of one customer apart (2^-40 a pair).

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use entity::{EntityId, EntityKey};

use crate::limits;

const FORM: u8 = 1;
const NAME_BYTES: usize = 5;

/// Versions by order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Position(BTreeMap<[u8; NAME_BYTES], u64>);

impl Position {
    /// The version of an order that the client has.
    pub(crate) fn get(&self, order: &EntityKey) -> Option<u64> {
        self.0.get(&name(order)).copied()
    }

    /// The client has got a version.
    pub(crate) fn set(&mut self, order: &EntityKey, version: u64) {
        self.0.insert(name(order), version);
    }

    /// The client will not be told of an order any more.
    pub(crate) fn forget(&mut self, order: &EntityKey) {
        self.0.remove(&name(order));
    }

    /// The token: about 9 characters per order.
    pub(crate) fn token(&self) -> String {
        let mut bytes = vec![FORM];
        for (name, version) in &self.0 {
            bytes.extend_from_slice(name);
            let mut rest = *version;
            while rest >= 0x80 {
                bytes.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).expect("seven bits"));
        }
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// Reads a token. `None`: not one of ours, which counts as none.
    pub(crate) fn read(token: &str) -> Option<Self> {
        if token.len() > 32 * limits::STREAM_ORDERS_MAX {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (form, mut rest) = bytes.split_first()?;
        let mut position = Self::default();
        while !rest.is_empty() {
            let (name, after) = rest.split_first_chunk::<NAME_BYTES>()?;
            let (version, after) = read_varint(after)?;
            position.0.insert(*name, version);
            rest = after;
        }
        (*form == FORM).then_some(position)
    }
}

fn read_varint(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    // Nine groups of seven bits: more than JSON's largest integer needs.
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, bytes));
        }
    }
    None
}

fn name(order: &EntityKey) -> [u8; NAME_BYTES] {
    let bytes = match &order.id {
        EntityId::Uuid(uuid) => uuid.as_bytes().first_chunk::<NAME_BYTES>().copied(),
        EntityId::Name(_) => None,
    };
    bytes.expect("orders have uuids")
}

#[cfg(test)]
mod tests {
    use entity::Tenant;

    use super::*;

    #[test]
    fn a_token_says_what_the_client_has() {
        let cart = commerce::keys::cart(&Tenant::new("demo"), "cart-0001");
        let orders: Vec<EntityKey> = (1..=40).map(|n| commerce::keys::order(&cart, n)).collect();
        let mut position = Position::default();
        for (order, version) in orders.iter().zip([1, 127, 128, 300, 1 << 53].into_iter().cycle()) {
            position.set(order, version);
        }
        let token = position.token();
        assert!(token.len() < 600, "{}", token.len());
        assert_eq!(Position::read(&token), Some(position.clone()));
        assert_eq!(position.get(&orders[3]), Some(300));
        assert_eq!(position.get(&commerce::keys::order(&cart, 99)), None);
        assert_eq!(Position::read(&Position::default().token()), Some(Position::default()));
    }

    #[test]
    fn what_is_no_token_is_none() {
        for text in ["", "x", "17", "AQ==", "AgAA", "AQAAAAAA", "AQAAAAAA_____________w", "é"] {
            assert_eq!(Position::read(text), None, "{text}");
        }
        assert_eq!(Position::read(&"A".repeat(100_000)), None);
    }
}
