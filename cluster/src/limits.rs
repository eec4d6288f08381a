//! Limits of the runtime: every queue, wait and batch, with the arithmetic (I10).

/// Shards of a new embedded store.
///
/// Many more than cores, so that hosts share them evenly; few enough that idle ones cost nothing.
pub const SHARDS_DEFAULT: u16 = 64;

/// Bytes of records in one group; beyond it the next group begins.
///
/// 2 MiB of 300-byte records are 7,000 steps in one sync of 0.2 ms: writing is the limit by then.
/// In memory a group takes some four times that, since its records are kept beside their bytes.
pub const GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes that the records of one shard in one group are expected to take: no limit, only spares
/// growing.
pub const PAYLOAD_BYTES: usize = 4 * 1024;

/// Inputs and outputs for which a host keeps room between its turns: with those that gather
/// meanwhile some 50 KiB, 3 MiB for the 64 shards of a node by default.
pub const ROOM_KEPT: usize = 64;

/// Records of one shard for which a group makes room at the most before they are there.
pub const RECORDS_EXPECTED_MAX: usize = 64;

/// Bytes of one shard's records for which a group makes room at the most before they are there.
pub const PAYLOAD_EXPECTED_BYTES_MAX: usize = 64 * 1024;

/// Empty buffers of [`PAYLOAD_BYTES`] that a log keeps for the next records: 256 KiB, one for each
/// shard of a node by default.
pub const SPARE_PAYLOADS_MAX: usize = 64;

/// How long an ask waits for the answer of an owner that is known to have a successor, in ms.
///
/// What it answered is on its way, or it was kept for the successor, who opens the shard first; a
/// node that has left answers never. Longer than a handover takes, shorter than callers wait.
pub const SUPERSEDED_GRACE_MS: u64 = 1_000;

/// Groups that may wait behind the flying one before admission closes (architecture 3).
pub const GROUPS_WAITING_MAX: usize = 1;

/// Messages of one stream that may be unacknowledged before its shard refuses new work.
///
/// At one commit each 0.2 ms an acknowledgement comes within 0.5 ms: 2,000 messages a
/// millisecond on one stream is beyond what a shard can handle.
pub const STREAM_WINDOW: usize = 1024;

/// How often a shard looks whether what it sent was acknowledged.
///
/// Some round trips of a busy network with a commit each: what was lost delays a saga by two looks.
pub const RETRANSMIT_MS: u64 = 250;

/// Messages of one stream that are sent again at once; the gap after them asks for the rest.
pub const RETRANSMIT_MESSAGES_MAX: usize = 16;

/// Looks after which a stream that stands still is sent again in any case: each 8 s.
pub const RETRANSMIT_LOOKS_MAX: u32 = 32;

/// Inputs that a host takes in one turn before it lets others run.
pub const INPUTS_PER_TURN_MAX: usize = 512;

/// Turns of hosts that follow a turn on its thread before the rest is woken as usual.
///
/// An order takes some ten of them in a row, of 10 us each.
pub const TURNS_FOLLOWING_MAX: usize = 64;

/// Commands and queries in flight on a node.
///
/// 2,000 orders a second at 50 ms each are 100; a burst of fifty times that still fits.
pub const IN_FLIGHT_MAX: usize = 8192;

/// Commands and queries in flight for one principal.
pub const IN_FLIGHT_PER_PRINCIPAL_MAX: usize = 256;

/// Share of [`IN_FLIGHT_MAX`] that one tenant may take while others ask too, in percent.
pub const IN_FLIGHT_PER_TENANT_PERCENT: usize = 75;

/// Queries that wait for a change of one entity.
pub const WAITERS_PER_ENTITY_MAX: usize = 1024;

/// Events in a shard's tail at which snapshots are taken.
pub const SNAPSHOT_TAIL_EVENTS: u64 = 4096;

/// Events in a shard's tail at which recovery would take too long: snapshots go first.
pub const TAIL_EVENTS_MAX: u64 = 20_000;

/// Snapshots in one write.
pub const SNAPSHOTS_PER_WRITE_MAX: usize = 256;

/// Bytes of cells that a node keeps in memory by default: 1 GiB.
pub const RESIDENT_BYTES_DEFAULT: usize = 1024 * 1024 * 1024;

/// Entities of a shard that get their memory together: 32 slots of some 200 bytes.
///
/// Half a chunk a shard is empty on average: 200 KB of a node of 64 shards.
pub const SLOTS_PER_CHUNK: usize = 32;

/// Entities let go after each input while memory is over its budget.
///
/// An input brings in one entity or a few; letting two go for each catches up with any load.
pub const EVICTIONS_PER_INPUT_MAX: usize = 2;

/// Entities looked at, for each that may be let go.
pub const EVICTION_STEPS: usize = 32;

/// How far ahead timers of sleeping entities are kept in memory.
pub const TIMER_HORIZON_MS: u64 = 10 * 60 * 1000;

/// Timers read from the store in one page.
pub const TIMERS_PER_PAGE: usize = 1024;

/// Entities woken in one tick of a shard.
pub const WAKES_PER_TICK_MAX: usize = 256;

/// Dead letters that a shard lists for operators.
pub const DEAD_LETTERS_MAX: usize = 1000;

/// Bytes of frames read at once in recovery and by the relay.
pub const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Frames of an entity's history that are read before others have their turn.
///
/// Some 50 us each when the store answers at once: 1 ms at a time.
pub const WALK_YIELD_FRAMES: usize = 16;

/// Records that are folded before others have their turn: some 2 us each.
pub const FOLD_YIELD_RECORDS: usize = 256;

/// How often due timers and expired waits are looked for.
pub const TICK_MS: u64 = 5;

/// How long the ticker of an idle node sleeps at the most: four looks a second for hosts that
/// stand still.
pub const TICK_IDLE_MS: u64 = 250;

/// When a failed read of an entity is tried again.
pub const LOAD_RETRY_MS: u64 = 200;

/// A host that has work and makes no progress for this long is given up.
pub const WATCHDOG_MS: u64 = 10_000;

/// Attempts of one append whose outcome is unknown, before the node gives up.
pub const APPEND_ATTEMPTS_MAX: u32 = 8;

const _: () =
    assert!(GROUP_BYTES_MAX + entity::limits::STEP_BYTES_MAX < ports::limits::FRAME_BYTES_MAX);
const _: () = assert!(SNAPSHOT_TAIL_EVENTS < TAIL_EVENTS_MAX);
const _: () = assert!(TICK_MS < TICK_IDLE_MS && TICK_IDLE_MS < WATCHDOG_MS);
const _: () = assert!(IN_FLIGHT_PER_PRINCIPAL_MAX < IN_FLIGHT_MAX);

/// How long beyond its deadline an answer is waited for: the commit that it is in may take long.
pub const ANSWER_GRACE_MS: u64 = 1_000;

/// Bytes of a frame between nodes: a step of 512 KiB, or a batch of stream messages, and room.
pub const PEER_FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of stream messages in one frame, counted roughly; one larger message goes alone.
pub const PARCEL_BYTES: usize = 1024 * 1024;

/// What a stream message takes beside its body, at most, and roughly.
///
/// A bounce can carry the rejection beside the body: both come from steps, bounded by those.
pub const MESSAGE_HEAD_BYTES: usize = 1024;

/// Messages about ownership that wait until they are looked at.
///
/// A node says a few words a shard and move to each peer; losing one costs a timeout.
pub const OWNERSHIP_MESSAGES_MAX: usize = 4096;

/// Asks that a node has sent to other nodes and not got back: as many as it may admit, twice.
/// Queries that wait take no place of those admitted.
pub const FORWARDED_OUT_MAX: usize = 2 * IN_FLIGHT_MAX;

/// Asks of other nodes under way on a node.
pub const FORWARDED_IN_MAX: usize = 2 * IN_FLIGHT_MAX;

/// Forwarded asks that a node remembers, so that one that comes twice is taken once.
///
/// At 20,000 a second this is three seconds: longer than a network holds a frame back, and one
/// held back longer names an epoch that may have passed.
pub const FORWARDED_SEEN_MAX: usize = 64 * 1024;

/// Asks that wait on a node for shards that are on their way to it.
///
/// A move closes a shard for some ten milliseconds: 2,000 asks a second come to 100 then.
pub const BUFFERED_MAX: usize = 4096;

/// Answers of the store and news of shards that wait for the agent.
///
/// An agent has at most one call in flight a shard and node; whoever brings more waits.
pub const AGENT_INPUTS_MAX: usize = 1024;

/// How long the agent waits for an answer of the store (persistence.md 1.6).
pub const STORE_CALL_MS: u64 = 700;

/// How often an ask is sent on by nodes that are not the owner.
pub const HOPS_MAX: u8 = 1;

/// How long an ask waits before it looks again for the owner of a shard that nobody serves, in ms;
/// each time twice as long.
pub const OWNER_PAUSE_MS: u64 = 10;

/// The longest such pause: after all of them, about 0.6 s, its caller hears that the shard is not
/// served. A shard moves in some ten milliseconds; the end of a dead node's lease takes seconds.
pub const OWNER_PAUSE_MAX_MS: u64 = 320;

/// Asks of a node that wait for owners at the same time; more are refused. Some 500 bytes each.
pub const PAUSING_MAX: usize = 4_096;

/// How often the node that was asked tries an owner that it learned of.
pub const FORWARD_ATTEMPTS_MAX: u32 = 3;

const _: () = assert!(PARCEL_BYTES + 2 * entity::limits::STEP_BYTES_MAX < PEER_FRAME_BYTES_MAX);

/// How long an operator's request may take.
pub const OPERATOR_MS: u64 = 5_000;

/// What a refused caller is told to wait.
pub const RETRY_AFTER_MS: u64 = 1_000;

/// The same while there is no room for what would be written: somebody has to make some.
pub const NO_ROOM_RETRY_MS: u64 = 30_000;

/// How long a planned move waits for a relay that publishes to publish what is durable of the
/// shard; one whose last publish failed, or that made another move wait as long, is not waited
/// for. What was not published then is published by the next owner, and perhaps twice.
pub const HANDOVER_PUBLISH_MS: u64 = 100;

/// How often a stopping node looks whether it is done.
pub const DRAIN_POLL_MS: u64 = 5;

/// Shards that a node hands over at a time.
///
/// Each closes its shard for some milliseconds; eight of 64 leave the others undisturbed.
pub const HANDOFFS_OUT_MAX: usize = 8;

/// Shards that a node agrees to take at a time: two nodes' worth, each with a bounded buffer.
pub const HANDOFFS_IN_MAX: usize = 16;
