//! The plan of a run: all that happens to the system from outside, as data.
//!
//! A scenario and a seed make a plan; the plan and nothing else makes the run. So it is the unit
//! of replay and of shrinking: each element of [`Plan::traffic`] and [`Plan::faults`] can be
//! taken out and the others still meet the same latencies, draws and outcomes, since every draw
//! is keyed by the element's own id and not by its place in a sequence.

mod families;
mod places;
mod staffed;
mod tax;
mod visit;
mod waits;

use serde::{Deserialize, Serialize};

pub use places::{PLACES, SkuSetup};
pub use staffed::{Fate, Freeze, Shipping};
pub use tax::Tax;
pub use visit::{Journey, Line, Listen, Pay, Then, Visit};
pub use waits::OrderWaits;

/// How long a fault waits for its moment at the most, in ms.
pub const MOMENT_WAIT_MS: u64 = 1_000;

/// Version of the plan's form; a plan of another one is refused.
pub const VERSION: u16 = 1;

/// A run, before it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u16,
    /// The scenario that it was made from.
    pub scenario: String,
    /// Seed of every draw while it runs (latencies, ids, tie-breaks).
    pub seed: u64,
    /// The system under test.
    pub setup: Setup,
    /// What clients do, by time.
    pub traffic: Vec<Visit>,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
    /// A defect that is planted in the system, if it is to be shown that it is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
}

/// The system under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Nodes; 1 = embedded (one log), more = a cluster over a shared store (a log a shard).
    pub nodes: u16,
    /// Shards of the store.
    pub shards: u16,
    /// Unacknowledged messages from a shard to a shard at which the first refuses new work.
    #[serde(default = "stream_window")]
    pub stream_window: u32,
    /// Events in a shard's tail at which its owner takes snapshots.
    #[serde(default = "snapshot_tail")]
    pub snapshot_tail: u32,
    /// What is sold; a [`Line`] names one by its place here.
    pub skus: Vec<SkuSetup>,
    /// How long traffic and faults last, in virtual ms; after it faults end and all must settle.
    pub duration_ms: u64,
    /// How long settling may take, in virtual ms (I11).
    pub settle_ms: u64,
    /// Latency of every link, before faults.
    pub link: Link,
    /// How clients behave.
    pub client: ClientPolicy,
    /// Buggify sites that are on, by name, with their chance in percent.
    pub buggify: Vec<(String, u8)>,
    /// Messages of one instant are delivered in seeded order instead of first come, first served.
    pub shuffle: bool,
    /// How long a shard stays with its owner before it may move for balance, in ms.
    #[serde(default = "residence_ms")]
    pub residence_ms: u64,
    /// How long orders wait.
    #[serde(default, skip_serializing_if = "OrderWaits::is_default")]
    pub order_waits: OrderWaits,
    /// What is taken on prices, or inside them.
    #[serde(default, skip_serializing_if = "Tax::is_none")]
    pub tax: Tax,
}

/// As in production; plans did not say it once.
const fn residence_ms() -> u64 {
    30_000
}

/// The window of production.
pub(crate) fn stream_window() -> u32 {
    u32::try_from(cluster::limits::STREAM_WINDOW).expect("a thousand or so")
}

/// The tail of production.
pub(crate) fn snapshot_tail() -> u32 {
    u32::try_from(cluster::limits::SNAPSHOT_TAIL_EVENTS).expect("some thousands")
}

/// Latency of a link: base + exponential, and a tail that is ten times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The least, in us.
    pub base_us: u32,
    /// Mean of what is added, in us.
    pub jitter_us: u32,
    /// How often it is ten times as long, in ppm.
    pub tail_ppm: u32,
}

/// How clients behave when an answer does not come or says "later".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPolicy {
    /// How long an answer is waited for, in ms.
    pub timeout_ms: u32,
    /// Tries of one request in all; 1 = no retry.
    pub tries: u32,
    /// First pause between tries, in ms; doubled each time, up to `backoff_max_ms`.
    pub backoff_ms: u32,
    /// The longest pause.
    pub backoff_max_ms: u32,
    /// How the pause is drawn.
    pub jitter: Jitter,
}

impl ClientPolicy {
    /// How long a live stream may take to tell what an answer has shown, in us: after a planned
    /// move of a shard the edge asks an order again within two seconds.
    pub(crate) fn stream_patience_us(&self) -> u64 {
        u64::from(self.timeout_ms.max(5_000)) * 1_000
    }
}

/// How a pause is drawn from its upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Anything below the bound: good citizens.
    Full,
    /// Half the bound and anything below the other half.
    Equal,
    /// The bound itself: all come back at once.
    None,
}

/// Something that goes wrong: an element of faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its own name; keys every draw that belongs to it.
    pub id: u32,
    /// When it begins, in us from the beginning of the run.
    pub at_us: u64,
    /// How long it lasts, in ms; 0 for one that has no length.
    pub for_ms: u32,
    /// What it waits for after that time, and not for long.
    #[serde(default, skip_serializing_if = "Moment::is_any")]
    pub moment: Moment,
    /// What it is.
    pub kind: FaultKind,
}

/// A moment in the life of the node that a crash or a pause befalls. The others wait for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Any.
    #[default]
    Any,
    /// The store has done an append, and the node has not heard of it.
    Append,
    /// The same for snapshots and what a checkpoint says.
    Snapshots,
    /// The same for a lease, an owner's row or a claimed journal.
    Claim,
}

impl Moment {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }
}

/// What goes wrong. Nodes and shards are numbers below those of [`Setup`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The node's process dies and comes back after `for_ms`; unsynced writes are lost but for
    /// the first `kept_writes` of them.
    Crash {
        /// Which node.
        node: u16,
        /// Unsynced writes that reached the disk all the same.
        kept_writes: u16,
    },
    /// The node does nothing for `for_ms` (GC, VM freeze) and goes on as if no time had passed.
    Pause {
        /// Which node.
        node: u16,
    },
    /// The node is drained and started again, as in an upgrade; `new_version`: as a build that
    /// reads and writes one version of messages between nodes more. Where a plan has such a fault,
    /// all nodes begin as the older build.
    Roll {
        /// Which node.
        node: u16,
        /// Whether it comes back as the newer build.
        new_version: bool,
    },
    /// Links between nodes lose messages.
    Loss {
        /// How many, in percent.
        percent: u8,
    },
    /// Links between nodes deliver messages twice.
    Duplicate {
        /// How many, in percent.
        percent: u8,
    },
    /// Links between nodes are slower by up to so many ms, so that messages overtake each other.
    Delay {
        /// The longest delay, in ms.
        up_to_ms: u32,
    },
    /// Nodes of the two sides do not hear each other. `side` is a bit set of node numbers.
    Partition {
        /// Nodes on one side.
        side: u32,
        /// Only messages from `side` to the others are lost.
        one_way: bool,
    },
    /// A link between clients and a node loses requests and answers.
    ClientLoss {
        /// How many, in percent.
        percent: u8,
    },
    /// Store calls of this node are slow by up to so many ms.
    StoreSlow {
        /// Which node.
        node: u16,
        /// The longest delay, in ms.
        up_to_ms: u32,
    },
    /// Appends of this node answer "unknown"; half of them were written (by draw), some later.
    StoreUnknown {
        /// Which node.
        node: u16,
        /// How many, in percent.
        percent: u8,
    },
    /// Store calls of this node are refused as unavailable.
    StoreDown {
        /// Which node.
        node: u16,
    },
    /// Store calls of this node that are no appends are refused as unavailable, some of them.
    StoreErrors {
        /// Which node.
        node: u16,
        /// How many, in percent.
        percent: u8,
    },
    /// Reads of lease and owner rows answer what stood there before.
    StaleReads {
        /// Which node.
        node: u16,
        /// How many, in percent.
        percent: u8,
    },
    /// The next sync of an embedded node fails; its process ends and comes back after `for_ms`.
    SyncFails {
        /// Which node.
        node: u16,
    },
    /// The bus does not answer.
    BusDown,
    /// The bus stores events again that it has already (its duplicate window has passed).
    BusTwice {
        /// How many publishes, in percent.
        percent: u8,
    },
    /// The bus stores but its acknowledgements are lost.
    BusLostAcks {
        /// How many publishes, in percent.
        percent: u8,
    },
    /// The bus lost all its streams.
    BusWiped,
    /// The bus lost the newest events of each stream and goes on from there: a power cut before
    /// its sync.
    BusCut {
        /// How many of those that the stream holds, in percent, rounded up.
        percent: u8,
    },
    /// The node's clock jumps by so many ms (backwards: negative) and stays there.
    ClockStep {
        /// Which node.
        node: u16,
        /// How far.
        by_ms: i32,
    },
    /// The node's clock runs faster or slower by so many ppm for `for_ms`.
    ClockDrift {
        /// Which node.
        node: u16,
        /// How much; negative: slower.
        ppm: i32,
    },
}

/// A plan that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is no JSON of this form.
    #[error("the plan cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// Of another version.
    #[error("the plan has version {0}, this program reads {VERSION}")]
    Version(u16),
    /// A number names what the setup does not have.
    #[error("the plan names {0}")]
    Names(String),
}

impl Plan {
    /// Reads a plan and checks that all it names is there.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// The plan as JSON that a person can edit.
    #[must_use]
    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("a plan has no map with other keys than text")
    }

    /// Elements of traffic and faults together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.traffic.len() + self.faults.len()
    }

    /// Whether nothing happens from outside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traffic.is_empty() && self.faults.is_empty()
    }

    /// Whether all that the plan names is there.
    ///
    /// # Errors
    /// [`PlanError`], with the first thing that is not.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.version != VERSION {
            return Err(PlanError::Version(self.version));
        }
        if let Some(canary) = &self.canary
            && !(sites::HAS_CANARIES && sites::CANARIES.iter().any(|known| known.name == canary))
        {
            return Err(PlanError::Names(format!(
                "canary {canary}, which this build does not have"
            )));
        }
        let setup = &self.setup;
        if setup.nodes == 0 || setup.nodes > 32 || setup.shards == 0 || setup.skus.is_empty() {
            return Err(PlanError::Names("a system without nodes, shards or SKUs".into()));
        }
        let n_skus = u32::try_from(setup.skus.len()).unwrap_or(u32::MAX);
        for visit in &self.traffic {
            if let Some(sku) = visit.journey.skus().into_iter().find(|sku| *sku >= n_skus) {
                return Err(PlanError::Names(format!("SKU {sku} in visit {}", visit.id)));
            }
        }
        self.check_places()?;
        for fault in &self.faults {
            if fault.moment != Moment::Any && fault.awaits().is_none() {
                return Err(PlanError::Names(format!("a moment in fault {}", fault.id)));
            }
            if let Some(node) = fault.kind.node().filter(|node| *node >= setup.nodes) {
                return Err(PlanError::Names(format!("node {node} in fault {}", fault.id)));
            }
        }
        Ok(())
    }
}
