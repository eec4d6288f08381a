//! The read models behind lists: orders, and the catalogue.
//!
//! Their rows follow the journal with a lag of milliseconds. A list shows which things there are;
//! whoever needs the newest of a thing, or acts on it, asks the thing itself.

use std::sync::Arc;

use cluster::Node;
use cluster::projection::{Fold, ProjectionHandle, Projector, ViewReader};
use commerce::product::SKUS_MAX;
use commerce::views::catalogue::{self, SkuRow};
use commerce::views::{Listing, Page, Pager, Scan, orders};
use compact_str::CompactString;
use entity::Tenant;
use ports::{StoreError, ViewRow};

use crate::limits;
use crate::problem::{Code, Problem};

/// The read model of orders.
const ORDERS: Fold = Fold {
    name: orders::NAME,
    version: orders::VERSION,
    kinds: orders::KINDS,
    state_key: orders::state_key,
    fold: orders::fold,
};

/// The read model of what is on sale.
const CATALOGUE: Fold = Fold {
    name: catalogue::NAME,
    version: catalogue::VERSION,
    kinds: catalogue::KINDS,
    state_key: catalogue::state_key,
    fold: catalogue::fold,
};

/// The read models of a node. Cheap to clone; they end when the last clone is dropped.
#[derive(Clone)]
pub struct Views {
    orders: ProjectionHandle,
    catalogue: ProjectionHandle,
}

impl Views {
    /// Starts them on a node. What they do not have yet they read from the journal meanwhile.
    ///
    /// Errors: the store cannot be read.
    pub async fn start(node: &Node) -> Result<Self, StoreError> {
        let start = |fold: Fold| {
            let (ctx, commits) = (node.ctx().clone(), Arc::clone(node.commits()));
            Projector::start(ctx, commits, Arc::new(fold))
        };
        let (orders, catalogue) = (start(ORDERS), start(CATALOGUE));
        Ok(Self { orders: orders.await?, catalogue: catalogue.await? })
    }

    /// What the read models are made of: for those who compare them with the journal.
    pub const FOLDS: [Fold; 2] = [ORDERS, CATALOGUE];

    /// The projections, for operators.
    #[must_use]
    pub const fn all(&self) -> [(&'static str, &ProjectionHandle); 2] {
        [(orders::NAME, &self.orders), (catalogue::NAME, &self.catalogue)]
    }

    /// Writes the places in the journal and ends. Returns whether that was so in time.
    pub async fn stop(&self, timeout_ms: u64) -> bool {
        let stops = futures_util::future::join(
            self.orders.stop(timeout_ms),
            self.catalogue.stop(timeout_ms),
        );
        let (orders, catalogue) = stops.await;
        orders && catalogue
    }

    /// A page of orders behind a position, with what was answered before this question.
    pub(crate) async fn orders(
        &self,
        list: orders::OrderList,
        limit: u32,
        after: Option<&[u8]>,
    ) -> Result<Page<orders::OrderRow>, Problem> {
        // Not in time: the list lags, which it may.
        self.orders.catch_up(limits::LIST_CATCH_UP_MS).await;
        page(self.orders.reader(), Pager::new(list, limit as usize, after)).await
    }

    /// A page of products on sale behind a position.
    pub(crate) async fn products(
        &self,
        list: catalogue::ProductList,
        limit: u32,
        after: Option<&[u8]>,
    ) -> Result<Page<catalogue::ProductRow>, Problem> {
        page(self.catalogue.reader(), Pager::new(list, limit as usize, after)).await
    }

    /// The SKUs of a product, by code.
    pub(crate) async fn skus_of(
        &self,
        tenant: &Tenant,
        product_id: &str,
    ) -> Result<Vec<(String, SkuRow)>, Problem> {
        let rows = scan(self.catalogue.reader(), catalogue::skus_of(tenant, product_id)).await?;
        assert!(rows.len() <= SKUS_MAX, "I10: the scan of a product's SKUs is bounded");
        rows.iter()
            .map(|row| catalogue::read_sku(tenant, product_id, &row.key, &row.value))
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(&error))
    }

    /// Categories with products on sale, in order, behind `after`; one more than `limit` at most.
    pub(crate) async fn categories(
        &self,
        tenant: &Tenant,
        limit: usize,
        after: Option<CompactString>,
    ) -> Result<Vec<CompactString>, Problem> {
        let mut found: Vec<CompactString> = Vec::new();
        let mut after = after;
        while found.len() <= limit {
            let next = catalogue::next_category(tenant, after.as_deref());
            let rows = scan(self.catalogue.reader(), next).await?;
            let Some(row) = rows.first() else { break };
            let category = catalogue::category_of(&row.value).map_err(|e| unreadable(&e))?;
            let Some(category) = category else { break };
            after = Some(category.clone());
            found.push(category);
        }
        Ok(found)
    }

    /// Waits until the catalogue shows all that is durable now. Returns whether that was in time.
    pub(crate) async fn catalogue_is_current(&self, timeout_ms: u64) -> bool {
        self.catalogue.catch_up(timeout_ms).await
    }
}

async fn scan(reader: &ViewReader, scan: Scan) -> Result<Vec<ViewRow>, Problem> {
    let rows = reader.scan(&scan.from, &scan.to, scan.backward, scan.limit).await;
    rows.map_err(|error| unavailable(&error))
}

async fn page<L: Listing>(
    reader: &ViewReader,
    mut pager: Pager<L>,
) -> Result<Page<L::Row>, Problem> {
    while let Some(wanted) = pager.scan() {
        let rows = scan(reader, wanted).await?;
        let rows = rows.into_iter().map(|row| (row.key, row.value));
        pager.feed(rows).map_err(|error| unreadable(&error))?;
    }
    Ok(pager.page())
}

/// The store did not answer, as a problem.
pub(crate) fn unavailable(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store did not answer");
    Problem::new(if error.is_retryable() { Code::Unavailable } else { Code::Internal })
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a row of a view is not readable");
    Problem::new(Code::Internal)
}
