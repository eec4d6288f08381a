//! A node in this process over a store in a temporary folder: made, stocked, read back, ended.

use std::path::Path;
use std::sync::Arc;

use cluster::clock::SystemClock;
use cluster::ctx::{NoPeers, NodeCtx, NodeId, Random};
use cluster::{Node, NodeOptions};
use commerce::order::{self, Order};
use commerce::sku::{self, Sku};
use embedded::{EmbeddedStore, Options};
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::SharedStore;
use tempfile::TempDir;

use crate::books::{Books, OrderEntry, StockEntry};
use crate::workload::{self, Workload};
use crate::{Failed, shop};

/// Asks of the making and of the reading back that are under way together.
const AT_ONCE: usize = 128;

/// A running node.
pub struct Rig {
    /// The node.
    pub node: Arc<Node>,
    /// Its store.
    pub store: Arc<EmbeddedStore>,
    dir: TempDir,
}

/// Numbers of no importance: nothing here is secret.
struct Draws;

impl Random for Draws {
    fn bits(&self) -> u64 {
        workload::mix(0)
    }
}

/// Starts a node over the store of a folder.
pub async fn start(
    dir: &Path,
    options: NodeOptions,
    store: Options,
) -> Result<(Node, Arc<EmbeddedStore>), Failed> {
    let store = Arc::new(EmbeddedStore::open(dir, store).map_err(Failed::because("open a store"))?);
    let ctx = NodeCtx {
        node: NodeId::new("bench"),
        transport: Arc::new(NoPeers),
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(Draws),
        store: Arc::clone(&store) as SharedStore,
        types: Arc::new(commerce::hosting::entity_types()),
    };
    let node = Node::start(ctx, options).await.map_err(Failed::because("start a node"))?;
    Ok((node, store))
}

impl Rig {
    /// A node with a stocked shop.
    pub async fn stocked(workload: &Workload, options: NodeOptions) -> Result<Self, Failed> {
        let dir = tempfile::tempdir().map_err(Failed::because("make a folder"))?;
        let (node, store) = start(dir.path(), options, Options::default()).await?;
        let region = node.region();
        stream::iter(0..workload.n_skus)
            .map(async |number| {
                for command in shop::stocking(number) {
                    let key = shop::sku_key(number);
                    let done = region.ask::<Sku>(&key, &command, shop::staff()).await;
                    done.map_err(Failed::because("stock a SKU"))?;
                }
                Ok::<(), Failed>(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Self { node: Arc::new(node), store, dir })
    }

    /// The first `n_orders` orders and all SKUs, as the node shows them.
    pub async fn books(&self, workload: &Workload, n_orders: u64) -> Result<Books, Failed> {
        let orders = stream::iter(0..n_orders)
            .map(|number| self.order(number))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let stock = stream::iter(0..workload.n_skus)
            .map(|number| self.stock(number))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Books { orders, stock })
    }

    async fn order(&self, number: u64) -> Result<(u64, OrderEntry), Failed> {
        let (key, ask) = (shop::order_key(number), cluster::Ask { wait_ms: 0, ..shop::staff() });
        let seen = self.node.region().query::<Order>(&key, &order::Query::Summary, ask).await;
        match seen.map_err(Failed::because("read an order"))?.view {
            order::View::Summary(view) => {
                let entry = OrderEntry {
                    status: view.after.status.word().to_owned(),
                    payable: view.total,
                    n_units: view.n_units,
                };
                Ok((number, entry))
            }
            order::View::Unplaced | order::View::Order(_) => {
                Err(Failed::new("read an order", format!("order {number} shows no summary")))
            }
        }
    }

    async fn stock(&self, number: u32) -> Result<(u32, StockEntry), Failed> {
        let (key, ask) = (shop::sku_key(number), cluster::Ask { wait_ms: 0, ..shop::staff() });
        let seen = self.node.region().query::<Sku>(&key, &sku::Query::Stock, ask).await;
        let view = match seen.map_err(Failed::because("read stock"))?.view {
            sku::View::Stock(view) => view,
            other => return Err(Failed::new("read stock", format!("SKU {number}: {other:?}"))),
        };
        let [at] = view.locations.as_slice() else {
            return Err(Failed::new("read stock", format!("SKU {number} has other locations")));
        };
        let entry =
            StockEntry { on_hand: at.on_hand, committed: at.committed, sellable: at.sellable };
        Ok((number, entry))
    }

    /// Stops the node, closes the store and removes the folder.
    pub async fn end(self) {
        self.node.stop().await;
        self.store.close().await;
        drop(self.dir);
    }
}
