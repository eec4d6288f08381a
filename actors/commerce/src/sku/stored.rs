//! How a SKU's state is stored, and how an older one is read.

use std::collections::{BTreeMap, VecDeque};

use codec::Stored;
use compact_str::CompactString;
use serde::Deserialize;
use uuid::Uuid;

use super::{About, MovementView, Sku, book, shelf};
use crate::kinds;
use crate::money::Money;

/// Before it was kept when staff last edited it.
#[derive(Deserialize)]
struct SkuV1 {
    code: CompactString,
    version: u64,
    about: Option<About>,
    archived: bool,
    prices: BTreeMap<CompactString, Money>,
    price_version: u64,
    shelves: shelf::Shelves,
    holds: book::Book,
    returns: VecDeque<(Uuid, u32)>,
    movements: VecDeque<MovementView>,
    movements_made: u64,
}

impl Stored for Sku {
    const TYPE: codec::TypeId = 0x100 + kinds::SKU.0 * 16;
    const VERSION: u16 = 2;

    /// When an older one was edited is not known: only its present tag is good.
    fn upcast(version: u16, bytes: &[u8]) -> Result<Self, codec::Error> {
        if version != 1 {
            return Err(codec::Error::Version { type_id: Self::TYPE, version });
        }
        let old: SkuV1 = codec::from_bytes(bytes)?;
        Ok(Self {
            code: old.code,
            version: old.version,
            edited: old.version,
            about: old.about,
            archived: old.archived,
            prices: old.prices,
            price_version: old.price_version,
            shelves: old.shelves,
            holds: old.holds,
            returns: old.returns,
            movements: old.movements,
            movements_made: old.movements_made,
        })
    }
}
