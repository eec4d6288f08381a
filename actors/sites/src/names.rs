//! The names of all sites, with what they stand for. A test holds them against the sources.

/// Probes: name, and what has happened when it is hit.
pub const PROBES: &[(&str, &str)] = &[
    ("admission.closed", "a caller came to a node that stops"),
    ("admission.full", "a caller was refused because the node, or his tenant's share, is full"),
    ("admission.principal", "a caller was refused because he has too much under way"),
    ("ask.timed_out", "a caller waited longer than he may"),
    ("ask.too_late", "a command's deadline had passed when its turn came"),
    ("cart.price_moved", "a cart was placed at a total that it does not cost any more"),
    ("entity.from_snapshot", "an entity came back to memory from its snapshot"),
    ("entity.from_tail", "an entity came back to memory from records after its snapshot"),
    ("entity.passivated", "an entity left memory"),
    ("entity.quarantined", "an entity takes nothing any more"),
    ("entity.read_failed", "an entity could not be read from the store"),
    ("forward.asked", "an ask went to the node that owns the shard"),
    ("forward.buffered", "an ask waited for a shard on its way to the node"),
    ("forward.not_owner", "a forwarded ask came to a node that does not own the shard"),
    ("forward.came_here", "the shard came to the node that waited for its owner"),
    ("forward.repeated", "a forwarded ask came twice"),
    ("forward.sent_on", "a forwarded ask was sent on to a newer owner"),
    ("forward.superseded", "an ask waited for a node that owns the shard no longer"),
    ("forward.not_read", "an ask was given up because its frame was not read"),
    ("forward.owner_told", "an answer told of a newer owner than was known"),
    ("frame.not_read", "a frame of a version that the node does not read came"),
    ("frame.older_for_peer", "a frame was written in an older version, for an older peer"),
    ("frame.read_1", "a frame of version 1 came"),
    ("frame.read_2", "a frame of version 2 came"),
    ("hold.expired", "stock that was held too long was freed"),
    ("hold.owner_asked", "the owner of an old pinned hold was asked whether it still stands"),
    ("hold.price_moved", "stock was asked for at a price that had been replaced"),
    ("hold.sold_too_late", "a hold was to be sold after its time"),
    ("idempotency.key_reused", "a key was used for another request"),
    ("idempotency.replayed", "a command that had been taken was answered again"),
    ("lease.answer_withheld", "an answer was not given because the lease was over"),
    ("lease.ended_other", "the life of a silent node was ended"),
    ("lease.lost", "a node learned that its life was ended"),
    ("log.failed", "a log failed for good"),
    ("log.fenced", "an append was refused because another owner has a newer epoch"),
    ("log.full", "a command was refused because groups wait for the log"),
    ("log.refused", "a step was not staged because the log was closed"),
    ("log.unknown_for_good", "an append's outcome stayed unknown"),
    ("log.unknown_outcome", "an append of unknown outcome was tried again"),
    ("message.dead_letter", "a message was given up"),
    ("message.expired", "a message came after its time"),
    ("message.rejected", "a message was refused and went back"),
    ("order.cancel_after_confirm", "an order was cancelled after it was confirmed"),
    ("order.cancel_while_confirming", "an order was cancelled while it was being confirmed"),
    ("order.hold_came_late", "stock was held for an order that had given up"),
    ("order.message_undelivered", "an order's message came back and is sent again"),
    ("order.payment_timeout", "an order was not paid in time"),
    ("order.reservation_timeout", "an order's stock was not held in time"),
    ("outbox.read_from_store", "the relay or a projection read from the store: it was behind"),
    ("owner.handed_over", "a shard was handed over to another node"),
    ("owner.host_failed", "a shard whose host failed was taken anew"),
    ("owner.journal_ahead", "a claim found the journal at a newer epoch than the owner row"),
    ("owner.lost_race", "another node was faster to take a shard"),
    ("owner.move_undone", "a planned move was undone"),
    ("owner.superseded", "a node learned that a shard it serves has a newer owner"),
    ("owner.taken", "a shard was claimed to be opened"),
    ("owner.unknown_outcome", "a write of a takeover had no answer and is made again"),
    ("push.replaced", "a live stream had a newer state before the one before it was written"),
    ("push.resumed", "a live stream began after what its client had"),
    ("recovery.tail", "a shard was recovered with records after its checkpoint"),
    ("recovery.unacked_messages", "a shard was recovered with messages to send again"),
    ("relay.bus_down", "events waited for a bus that is down"),
    ("relay.duplicate", "the bus had an event already"),
    ("relay.publish_failed", "a batch was published in part or not at all"),
    ("relay.save_failed", "a publish cursor was not saved"),
    ("relay.stream_grew_again", "another event stood where one was acknowledged"),
    ("relay.stream_lost", "a stream of the bus lost events, and they were published again"),
    ("snapshot.checkpoint", "a checkpoint was written"),
    ("snapshot.failed", "snapshots were not written"),
    ("snapshot.waits_for_log", "snapshots waited until what they hold was durable"),
    ("stream.asked_again", "a shard asked another to send messages again"),
    ("stream.gap", "a message came before the one before it"),
    ("stream.repeat", "a message came twice and was dropped"),
    ("stream.sent_again", "a message that was not acknowledged was sent again"),
    ("stream.window_closed", "a command was refused because a stream's window is full"),
    ("timer.woke_sleeper", "a deadline woke an entity that was not in memory"),
];

/// Buggify sites: name, and what they do when they fire.
pub const BUGGIFY: &[(&str, &str)] = &[
    ("batch_of_one", "a group of the log, or a batch of events, holds one"),
    ("cache_miss", "what memory knows is read from the store"),
    ("early_passivation", "entities leave memory although there is room"),
    ("early_snapshot", "snapshots are taken although the tail is short"),
    ("extra_yield", "a host, or the committer, lets others run first"),
    ("forced_rebalance", "a shard moves before it has resided for its time"),
    ("hasty_message", "a message whose time is limited has a twentieth of it"),
    ("short_hold", "stock is held for a second only"),
    ("short_page", "recovery reads one frame at a time"),
    ("tiny_mailbox", "the second caller under way is one too many"),
    ("tiny_window", "a single unacknowledged message closes a stream's window"),
];

/// A planted defect.
#[derive(Debug, Clone, Copy)]
pub struct Canary {
    /// Its name.
    pub name: &'static str,
    /// What is wrong, in a sentence.
    pub what: &'static str,
    /// The scenario whose swarm finds it.
    pub scenario: &'static str,
}

/// A defect that the mixed swarm finds.
const fn mixed(name: &'static str, what: &'static str) -> Canary {
    Canary { name, what, scenario: "mixed" }
}

/// All planted defects; docs/canaries.md tells more.
pub const CANARIES: &[Canary] = &[
    mixed("cursor_ahead_of_publish", "the relay's cursor moves when a frame is read"),
    mixed("dedup_mark_not_with_effect", "a message's mark is not journaled with its effect"),
    mixed("epoch_check_removed", "the store takes appends of an older epoch"),
    Canary {
        name: "handoff_drops_buffer",
        what: "asks that waited for a moving shard are forgotten",
        scenario: "moves",
    },
    mixed("lease_revived_beside_takeover", "a node goes on with a life that was ended"),
    mixed("live_stream_skips_a_version", "a live stream leaves versions that are odd out"),
    mixed("newest_frame_to_all", "frames are written in a version that older peers do not read"),
    mixed("read_of_staged_state", "queries are answered from what is not durable"),
    mixed("reply_before_commit", "commands are answered before they are durable"),
    mixed("rewind_removed", "the relay does not go back when a stream lost events"),
    mixed("shards_staged_apart", "shards of one log commit apart, though messages are chained"),
    mixed("snapshot_ahead_of_lsn", "snapshots are written before what they hold is durable"),
    mixed("stream_not_recognised", "a stream that lost its end and grew again counts as whole"),
    mixed("stream_window_removed", "a full stream window does not close"),
    mixed("sync_removed", "an append is acknowledged without a sync"),
    mixed("timer_lost_on_passivation", "snapshots write no timer rows"),
    mixed("ttl_ignoring_pinned_hold", "holds expire by age, be they pinned or sold"),
    mixed("view_row_dropped", "the last row of each write of a view is not written"),
    mixed("unknown_outcome_as_failure", "a command without an answer is told as not done"),
];
