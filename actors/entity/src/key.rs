//! Names of entities: tenant, kind, affinity, id; and how they read as text.
//!
//! The affinity alone decides the shard (architecture 6): a cart, its orders and all that grows
//! from them carry the same one, so most of a saga stays in one log. Ids are derived by UUIDv5
//! from natural keys, so that every retry reaches the same entity (domain.md 2).

use std::fmt;

use compact_str::CompactString;
use data_encoding::BASE32_DNSSEC;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use smallvec::SmallVec;
use uuid::Uuid;

/// A shop: the outermost part of every key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tenant(pub CompactString);

impl Tenant {
    /// A tenant by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(CompactString::new(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of an entity, as a number that is never used again for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind(pub u16);

/// A shard: a unit of ownership, journal and stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(pub u16);

/// The part of a key that decides the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Affinity(pub u32);

impl Affinity {
    /// The affinity of a root: the first four bytes of uuid5(tenant, id).
    #[must_use]
    pub fn of_root(tenant: &Tenant, id: &str) -> Self {
        let uuid = uuid5(Kind(0), &[tenant.as_str().as_bytes(), id.as_bytes()]);
        let b = uuid.as_bytes();
        Self(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// The shard among `n_shards` (at least 1).
    #[must_use]
    pub const fn shard(self, n_shards: u16) -> ShardId {
        assert!(n_shards > 0, "a store has at least one shard");
        ShardId((self.0 % n_shards as u32) as u16)
    }
}

/// The id of an entity within tenant, kind and affinity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntityId {
    /// Derived from natural keys.
    Uuid(Uuid),
    /// Chosen by a person or a client: a SKU, a cart id.
    Name(CompactString),
}

/// The identity of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    /// The shop.
    pub tenant: Tenant,
    /// What it is.
    pub kind: Kind,
    /// What decides its shard.
    pub affinity: Affinity,
    /// Which one.
    pub id: EntityId,
}

impl EntityKey {
    /// The key of a root that is known by a name; its affinity comes from the name.
    #[must_use]
    pub fn named(tenant: &Tenant, kind: Kind, name: &str) -> Self {
        Self {
            tenant: tenant.clone(),
            kind,
            affinity: Affinity::of_root(tenant, name),
            id: EntityId::Name(CompactString::new(name)),
        }
    }

    /// The key of an entity that grows from another one and lives in its shard.
    #[must_use]
    pub const fn derived(tenant: Tenant, kind: Kind, affinity: Affinity, uuid: Uuid) -> Self {
        Self { tenant, kind, affinity, id: EntityId::Uuid(uuid) }
    }

    /// The shard among `n_shards`.
    #[must_use]
    pub const fn shard(&self, n_shards: u16) -> ShardId {
        self.affinity.shard(n_shards)
    }

    /// The public id: `{prefix}_{base32}` of a derived key, the name itself of a named one.
    #[must_use]
    pub fn public(&self, prefix: &str) -> String {
        match &self.id {
            EntityId::Uuid(uuid) => public_id(prefix, self.affinity, *uuid),
            EntityId::Name(name) => name.to_string(),
        }
    }

    /// Bytes on the heap beyond the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let name = match &self.id {
            EntityId::Name(name) if name.is_heap_allocated() => name.capacity(),
            EntityId::Name(_) | EntityId::Uuid(_) => 0,
        };
        name + if self.tenant.0.is_heap_allocated() { self.tenant.0.capacity() } else { 0 }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.0, self.tenant, self.public("e"))
    }
}

/// UUIDv5 in the namespace of a kind; every field is prefixed with its u32 length, so that
/// ("ab","c") and ("a","bc") differ.
///
/// ```text
/// namespace = 6d657263-6174-4f00-8000-0000 ++ kind u16 ++ 0000
/// ```
#[must_use]
pub fn uuid5(kind: Kind, fields: &[&[u8]]) -> Uuid {
    let mut namespace = *b"mercat\x4f\x00\x80\x00\x00\x00\x00\x00\x00\x00";
    namespace[12..14].copy_from_slice(&kind.0.to_be_bytes());
    // In one piece: the hash costs less than being fed field by field.
    let mut named = SmallVec::<[u8; 128]>::from_slice(&namespace);
    for field in fields {
        let len = u32::try_from(field.len()).expect("key fields are shorter than 4 GiB");
        named.extend_from_slice(&len.to_be_bytes());
        named.extend_from_slice(field);
    }
    let digest: [u8; 20] = Sha1::digest(&named).into();
    let bytes = digest.first_chunk().expect("20 bytes hold 16");
    uuid::Builder::from_sha1_bytes(*bytes).into_uuid()
}

/// The text of a derived id: prefix, underscore, 32 lower-case base32 characters.
#[must_use]
pub fn public_id(prefix: &str, affinity: Affinity, uuid: Uuid) -> String {
    let mut raw = [0; 20];
    raw[..4].copy_from_slice(&affinity.0.to_be_bytes());
    raw[4..].copy_from_slice(uuid.as_bytes());
    let mut text = String::with_capacity(prefix.len() + 33);
    text.push_str(prefix);
    text.push('_');
    BASE32_DNSSEC.encode_append(&raw, &mut text);
    text
}

/// The text is not an id with the wanted prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct ParseIdError;

/// Reads a derived id back. Exactly the text that [`public_id`] writes is taken.
pub fn parse_public_id(prefix: &str, text: &str) -> Result<(Affinity, Uuid), ParseIdError> {
    let body =
        text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(ParseIdError)?;
    if body.len() != 32 || body.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ParseIdError);
    }
    let raw = BASE32_DNSSEC.decode(body.as_bytes()).map_err(|_| ParseIdError)?;
    let (head, tail) = raw.split_first_chunk::<4>().ok_or(ParseIdError)?;
    let uuid = Uuid::from_slice(tail).map_err(|_| ParseIdError)?;
    Ok((Affinity(u32::from_be_bytes(*head)), uuid))
}
