//! All that a run left behind, decoded and folded once for all checkers.

use commerce::keys;
use commerce::order::{After, Owner};
use commerce::sku::SkuView;
use entity::{EntityKey, ShardId, Timestamp};
use ports::{Store, StoreError};

use super::decoded::{Decoded, Rec};
use super::findings::Findings;
use super::given::Given;
use super::read::{Journals, Published};
use super::shop::Shop;
use super::{CHECKS, Check};

/// What lists have to say of an order.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Which.
    pub key: &'a EntityKey,
    /// Its shard.
    pub shard: ShardId,
    /// The commit of its last record.
    pub commit_no: u64,
    /// Whose it is.
    pub owner: &'a Owner,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Its words.
    pub after: After,
}

/// What lists have to say of a SKU.
#[derive(Debug, Clone, Copy)]
pub struct Stocked<'a> {
    /// Which.
    pub key: &'a EntityKey,
    /// Its shard.
    pub shard: ShardId,
    /// The commit of its last record.
    pub commit_no: u64,
    /// What everybody is shown of it.
    pub view: &'a SkuView,
}

/// What a run left behind.
#[derive(Debug)]
pub struct World {
    pub(super) journals: Journals,
    pub(super) given: Given,
    pub(super) decoded: Decoded,
    pub(super) shop: Shop,
}

impl World {
    /// Reads a store and folds it; `published` is what the bus stored, if there was one.
    ///
    /// Errors: those of the store. O(journal), each record decoded once.
    pub async fn read(
        store: &dyn Store,
        published: Option<Vec<Published>>,
        given: Given,
    ) -> Result<Self, StoreError> {
        let mut journals = Journals::begin(store, published).await?;
        let decoded = Decoded::of(&journals.shards);
        journals.add_snapshots(store, decoded.entities.keys()).await?;
        Ok(Self::with(journals, decoded, given))
    }

    /// Units for sale of a SKU whenever they changed, as its events say: time in ms since 1970.
    #[must_use]
    pub fn units_for_sale(&self, code: &str) -> Vec<(u64, u64)> {
        let ledger = self.shop.skus.get(&keys::sku(&self.given.tenant, code));
        ledger.map(|ledger| ledger.for_sale.clone()).unwrap_or_default()
    }

    /// Every order that was placed, with what lists say of it.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let mut listed = Vec::new();
        for (key, order) in &self.shop.orders {
            let last = self.decoded.entities.get(key).and_then(|rows| rows.last());
            let (Some(body), Some(last)) = (&order.body, last) else { continue };
            let Rec { shard, commit_no, .. } = self.decoded.records[*last];
            let (owner, placed_at, after) = (&body.terms.owner, body.placed_at, body.after());
            listed.push(Listed { key, shard, commit_no, owner, placed_at, after });
        }
        listed
    }

    /// Every SKU that staff have put, with what lists say of it.
    #[must_use]
    pub fn stocked(&self) -> Vec<Stocked<'_>> {
        let all = self.shop.stocked.iter().filter_map(|(key, view)| {
            let last = self.decoded.entities.get(key)?.last()?;
            let Rec { shard, commit_no, .. } = self.decoded.records[*last];
            Some(Stocked { key, shard, commit_no, view })
        });
        all.collect()
    }

    /// Decodes and folds what was read before.
    #[must_use]
    pub fn new(journals: Journals, given: Given) -> Self {
        let decoded = Decoded::of(&journals.shards);
        Self::with(journals, decoded, given)
    }

    fn with(journals: Journals, decoded: Decoded, given: Given) -> Self {
        let shop = Shop::of(&decoded, &journals);
        Self { journals, given, decoded, shop }
    }

    /// What was read.
    #[must_use]
    pub const fn journals(&self) -> &Journals {
        &self.journals
    }

    /// What the run knew beside it.
    #[must_use]
    pub const fn given(&self) -> &Given {
        &self.given
    }

    /// All records, shard after shard, each in journal order.
    #[must_use]
    pub fn records(&self) -> &[Rec] {
        &self.decoded.records
    }

    /// Runs every checker; their names with what they found.
    #[must_use]
    pub fn check_all(&self) -> Vec<(&'static str, Findings)> {
        CHECKS.iter().map(|(name, check): &(_, Check)| (*name, check(self))).collect()
    }

    /// Empty findings for an invariant.
    pub(super) const fn findings(&self, invariant: &'static str) -> Findings {
        Findings::of(invariant, self.given.end_us)
    }

    /// Version of an entity in the journal; 0: it has no events.
    pub(super) fn version_of(&self, key: &EntityKey) -> u64 {
        let last = self.decoded.entities.get(key).and_then(|rows| rows.last());
        last.map_or(0, |row| self.decoded.records[*row].record.version_after())
    }

    /// When a version of an entity became durable, in us of the run; `None`: that is not known, or
    /// there is no such version.
    pub(super) fn durable_us(&self, key: &EntityKey, version: u64) -> Option<u64> {
        let rows = self.decoded.entities.get(key)?;
        let records = &self.decoded.records;
        let at = rows.partition_point(|row| records[*row].record.version_after() < version);
        self.taken_us(&records[*rows.get(at)?])
    }

    /// When the store took a record, in us of the run, if that is known.
    pub(super) fn taken_us(&self, rec: &Rec) -> Option<u64> {
        let place = usize::try_from(rec.commit_no.checked_sub(1)?).ok()?;
        self.given.durable_us.get(&rec.shard)?.get(place).copied()
    }

    /// The last commit of a shard; 0: it has none.
    pub(super) fn last_commit(&self, shard: ShardId) -> u64 {
        let frames = self.journals.shards.get(usize::from(shard.0));
        frames.and_then(|frames| frames.last()).map_or(0, |frame| frame.header.commit_no)
    }

    /// The latest time in any record.
    pub(super) fn last_time(&self) -> Timestamp {
        self.records().iter().map(|rec| rec.record.at).max().unwrap_or_default()
    }
}
