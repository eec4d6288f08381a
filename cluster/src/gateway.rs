//! The gateway: asks for shards that other nodes own, and theirs for ours.
//!
//! Guarantees: an ask is taken at most once, whatever the network repeats, because it names the
//! epoch it is meant for and owners remember what they have seen; each has a deadline, and their
//! number is bounded on both sides. What it does not do: send a command again that may have been
//! taken. Then its outcome is unknown, and the caller has an idempotency key.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entity::{ShardId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::ctx::{Clock, NodeCtx, NodeId};
use crate::limits;
use crate::node::{Life, Links, Owner, Seats};
use crate::shard::{Answer, Ask, AskBody, Input, Refusal};
use crate::wire::{Forwarded, Outcome, PeerMessage};

/// What a caller wants, before it is known which node will get it.
pub(crate) struct Request {
    pub(crate) shard: ShardId,
    pub(crate) key: entity::EntityKey,
    pub(crate) principal: entity::Principal,
    pub(crate) cause: entity::Cause,
    pub(crate) wait_ms: u64,
    pub(crate) body: AskBody,
}

/// The gateway of a node.
pub(crate) struct Gateway {
    clock: Arc<dyn Clock>,
    seats: Arc<Seats>,
    links: Arc<Links>,
    life: Arc<Life>,
    sent: Mutex<Sent>,
    seen: Mutex<Seen>,
    n_under_way: Arc<AtomicUsize>,
    n_pausing: AtomicUsize,
    buffers: Mutex<Buffers>,
}

/// An ask that waits for an owner of its shard; gives its place back however that ends.
struct Pause<'a>(&'a AtomicUsize);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks that were sent and not answered.
struct Sent {
    /// Counts on from a random number, so that an answer to an earlier life fits nothing.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    closed: bool,
}

/// An ask that was sent and not answered.
struct Waiting {
    shard: ShardId,
    to: NodeId,
    /// Of the frame that it was sent in.
    version: u16,
    tell: oneshot::Sender<Outcome>,
}

/// Asks that came, in order, to know one that comes again.
#[derive(Default)]
struct Seen {
    known: BTreeSet<(NodeId, u64)>,
    order: VecDeque<(NodeId, u64)>,
}

impl Seen {
    /// Remembers an ask. Returns whether it is new.
    fn is_new(&mut self, origin: &NodeId, id: u64) -> bool {
        if !self.known.insert((origin.clone(), id)) {
            return false;
        }
        self.order.push_back((origin.clone(), id));
        if self.order.len() > limits::FORWARDED_SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Asks that wait for shards that are on their way to this node.
#[derive(Default)]
struct Buffers {
    /// Each with the time at which it came.
    shards: BTreeMap<ShardId, Vec<(Timestamp, Forwarded)>>,
    n_waiting: usize,
}

/// What became of an ask for another node.
pub(crate) enum Forwarding {
    /// It was answered, or refused.
    Ended(Result<Answer, Refusal>),
    /// The shard came to this node meanwhile; nothing was done elsewhere, and so much of the wait
    /// is left.
    Here(Request),
}

/// What became of one try.
enum Tried {
    Answered(Answer),
    /// Nothing was done there; whom it named instead.
    NotOwner(Option<Owner>),
    Refused(Refusal),
}

impl Gateway {
    pub(crate) fn new(
        ctx: &NodeCtx,
        seats: &Arc<Seats>,
        links: &Arc<Links>,
        life: &Arc<Life>,
    ) -> Self {
        let sent = Sent { next: ctx.random.bits(), waiting: BTreeMap::new(), closed: false };
        Self {
            clock: Arc::clone(&ctx.clock),
            seats: Arc::clone(seats),
            links: Arc::clone(links),
            life: Arc::clone(life),
            sent: Mutex::new(sent),
            seen: Mutex::default(),
            n_under_way: Arc::default(),
            n_pausing: AtomicUsize::new(0),
            buffers: Mutex::default(),
        }
    }

    /// Asks the owner of a shard that is not served here. While nobody serves it, since it is on
    /// its way between two nodes, nothing is done anywhere, and the ask waits a moment.
    pub(crate) async fn forward(&self, mut request: Request) -> Forwarding {
        sites::hit("forward.asked");
        let until = self.clock.now().plus_ms(request.wait_ms);
        let mut pause_ms = limits::OWNER_PAUSE_MS;
        loop {
            match self.try_owners(&request, until).await {
                Some(ended) => return Forwarding::Ended(ended),
                None if pause_ms > limits::OWNER_PAUSE_MAX_MS || self.sent.lock().closed => {
                    return Forwarding::Ended(Err(Refusal::Unavailable));
                }
                None => {}
            }
            let Some(pause) = self.pause() else {
                return Forwarding::Ended(Err(Refusal::Overloaded));
            };
            self.clock.sleep(pause_ms).await;
            drop(pause);
            pause_ms *= 2;
            if self.seats.inbox(request.shard).is_open() {
                sites::hit("forward.came_here");
                request.wait_ms = until.0.saturating_sub(self.clock.now().0);
                return Forwarding::Here(request);
            }
        }
    }

    /// A place among those that wait for an owner. `None`: they are too many.
    fn pause(&self) -> Option<Pause<'_>> {
        let pause = Pause(&self.n_pausing);
        let n_before = self.n_pausing.fetch_add(1, Ordering::Relaxed);
        (n_before < limits::PAUSING_MAX).then_some(pause)
    }

    /// Tries the owner that is known, and those that are named instead. `None`: nobody serves the
    /// shard, as far as is known, and nothing was done.
    async fn try_owners(
        &self,
        request: &Request,
        until: Timestamp,
    ) -> Option<Result<Answer, Refusal>> {
        let directory = &self.links.directory;
        let mut named = directory.owner(request.shard);
        let mut tried: Option<Owner> = None;
        for _ in 0..limits::FORWARD_ATTEMPTS_MAX {
            // Nobody is asked twice, and no earlier owner after a later one.
            let newer = |owner: &Owner| tried.as_ref().is_none_or(|t| owner.epoch > t.epoch);
            let owner = named.filter(|owner| owner.node != self.links.node && newer(owner))?;
            match self.try_owner(request, &owner, until).await {
                Tried::Answered(answer) => return Some(Ok(answer)),
                Tried::Refused(refusal) => return Some(Err(refusal)),
                Tried::NotOwner(hint) => {
                    named = hint;
                    tried = Some(owner);
                }
            }
        }
        None
    }

    async fn try_owner(&self, request: &Request, owner: &Owner, until: Timestamp) -> Tried {
        let Some(version) = self.links.version_for(&owner.node) else {
            return Tried::Refused(Refusal::Unavailable);
        };
        let (id, answer) = match self.register(request.shard, &owner.node, version) {
            Ok(registered) => registered,
            Err(refusal) => return Tried::Refused(refusal),
        };
        // However this ends, the place is given back.
        let _place = Place { gateway: self, id };
        let remaining_ms = until.0.saturating_sub(self.clock.now().0);
        let forwarded = Forwarded {
            id,
            origin: self.links.node.clone(),
            hops: 0,
            epoch: owner.epoch,
            remaining_ms,
            key: request.key.clone(),
            principal: request.principal.clone(),
            cause: request.cause.clone(),
            body: request.body.clone(),
        };
        self.links.write(&owner.node, &PeerMessage::Ask(Box::new(forwarded)), version);
        let late = self.clock.sleep(remaining_ms + limits::ANSWER_GRACE_MS);
        let shard = request.shard;
        let superseded = async {
            self.links.directory.superseded(shard, owner.epoch).await;
            self.clock.sleep(limits::SUPERSEDED_GRACE_MS).await;
        };
        tokio::select! {
            biased;
            outcome = answer => match outcome {
                Ok(Outcome::Answered(answer)) => Tried::Answered(answer),
                Ok(Outcome::NotOwner(hint)) => {
                    Tried::NotOwner(hint.map(|(node, epoch)| Owner { node, epoch }))
                }
                Ok(Outcome::Lost) | Err(_) => Tried::Refused(Refusal::Unavailable),
            },
            () = superseded => {
                sites::hit("forward.superseded");
                match request.body {
                    // To be asked twice does a question no harm.
                    AskBody::Query(_) => Tried::NotOwner(self.links.directory.owner(shard)),
                    // It may have been done; the caller learns now that nobody will say.
                    AskBody::Command(..)
                    | AskBody::Lift
                    | AskBody::ReplayDeadLetter(_)
                    | AskBody::Troubles
                    | AskBody::Locate => Tried::Refused(Refusal::Unavailable),
                }
            }
            () = late => Tried::Refused(Refusal::TimedOut),
        }
    }

    fn register(
        &self,
        shard: ShardId,
        to: &NodeId,
        version: u16,
    ) -> Result<(u64, oneshot::Receiver<Outcome>), Refusal> {
        let mut sent = self.sent.lock();
        if sent.closed {
            return Err(Refusal::Unavailable);
        }
        if sent.waiting.len() >= limits::FORWARDED_OUT_MAX {
            return Err(Refusal::Overloaded);
        }
        sent.next = sent.next.wrapping_add(1);
        let (tell, answer) = oneshot::channel();
        let id = sent.next;
        sent.waiting.insert(id, Waiting { shard, to: to.clone(), version, tell });
        Ok((id, answer))
    }

    /// An answer came to an ask of ours, perhaps for the second time. `epoch`: under which its
    /// shard is served there; 0: it was not told, or is not served there.
    pub(crate) fn answer_came(&self, from: &NodeId, id: u64, outcome: Outcome, epoch: u64) {
        let waiting = self.sent.lock().waiting.remove(&id);
        let Some(Waiting { shard, tell, .. }) = waiting else { return };
        let directory = &self.links.directory;
        if directory.owner(shard).is_none_or(|owner| owner.epoch < epoch) && epoch > 0 {
            // It was sent on: the next one need not be.
            sites::hit("forward.owner_told");
            directory.learn(shard, Owner { node: from.clone(), epoch });
        }
        // A caller that went away does not want its answer.
        let _ = tell.send(outcome);
    }

    /// A node has said that it reads only these versions: nothing was done there with what was sent
    /// to it in another one, and nobody will answer that.
    pub(crate) fn not_read(&self, by: &NodeId, frames: ports::Versions) {
        let unread = |_: &u64, ask: &mut Waiting| ask.to == *by && !frames.has(ask.version);
        let unread: Vec<_> = self.sent.lock().waiting.extract_if(.., unread).collect();
        for (_, waiting) in unread {
            sites::hit("forward.not_read");
            let _ = waiting.tell.send(Outcome::Lost);
        }
    }

    /// Nothing is sent any more, and nobody waits for an answer.
    pub(crate) fn close(&self) {
        let mut sent = self.sent.lock();
        sent.closed = true;
        let waiting = std::mem::take(&mut sent.waiting);
        drop(sent);
        drop(waiting);
    }

    /// How many places asks between nodes take: sent and not answered, taken for other nodes,
    /// waiting for an owner or for a shard on its way. None, once nobody waits for anything.
    pub(crate) fn n_taken(&self) -> usize {
        let n_sent = self.sent.lock().waiting.len();
        let n_kept = self.buffers.lock().n_waiting;
        let n_pausing = self.n_pausing.load(Ordering::Relaxed);
        n_sent + n_kept + n_pausing + self.n_under_way.load(Ordering::Relaxed)
    }

    /// Another node's ask came.
    pub(crate) fn ask_came(&self, ask: Forwarded) {
        if !self.seen.lock().is_new(&ask.origin, ask.id) {
            sites::hit("forward.repeated");
            return metrics::counter!("mercato_asks_repeated_total").increment(1);
        }
        let n_shards = u16::try_from(self.seats.inboxes.len()).expect("shard counts fit 16 bits");
        let shard = ask.key.shard(n_shards);
        let inbox = self.seats.inbox(shard);
        if inbox.is_open() && inbox.epoch() == ask.epoch {
            return self.take(shard, ask);
        }
        let Err(mut ask) = self.keep(shard, ask) else { return };
        // Where it is served here under another epoch, that is the owner to name.
        let owner = match inbox.is_open() {
            true => Some(Owner { node: self.links.node.clone(), epoch: inbox.epoch() }),
            false => self.links.directory.owner(shard),
        };
        let newer = owner.filter(|owner| owner.epoch > ask.epoch);
        match newer {
            Some(owner) if owner.node != self.links.node && ask.hops < limits::HOPS_MAX => {
                sites::hit("forward.sent_on");
                ask.hops += 1;
                ask.epoch = owner.epoch;
                self.links.send(&owner.node, &PeerMessage::Ask(Box::new(ask)));
            }
            hint => {
                sites::hit("forward.not_owner");
                let hint = hint.map(|owner| (owner.node, owner.epoch));
                self.answer(&ask.origin, ask.id, Outcome::NotOwner(hint));
            }
        }
    }

    /// Keeps what comes for a shard that is on its way to this node. The rest is given back.
    #[expect(clippy::result_large_err, reason = "the ask itself is given back, not an error")]
    fn keep(&self, shard: ShardId, ask: Forwarded) -> Result<(), Forwarded> {
        let buffers = &mut *self.buffers.lock();
        match buffers.shards.get_mut(&shard) {
            Some(waiting) if buffers.n_waiting < limits::BUFFERED_MAX => {
                sites::hit("forward.buffered");
                waiting.push((self.clock.now(), ask));
                buffers.n_waiting += 1;
                Ok(())
            }
            Some(_) | None => Err(ask),
        }
    }

    /// From now on, keeps what comes for a shard that is not served here yet.
    pub(crate) fn buffer(&self, shard: ShardId) {
        self.buffers.lock().shards.entry(shard).or_default();
    }

    /// The shard came, or it does not come: what was kept for it is taken, or refused as not
    /// served here.
    pub(crate) fn unbuffer(&self, shard: ShardId) {
        let buffers = &mut *self.buffers.lock();
        let waiting = buffers.shards.remove(&shard).unwrap_or_default();
        buffers.n_waiting -= waiting.len();
        let inbox = self.seats.inbox(shard);
        let now = self.clock.now();
        for (came, mut ask) in waiting {
            ask.remaining_ms = ask.remaining_ms.saturating_sub(now.since_ms(came));
            if sites::is_broken("handoff_drops_buffer") {
                continue;
            }
            if inbox.is_open() && inbox.epoch() == ask.epoch {
                self.take(shard, ask);
            } else {
                self.answer(&ask.origin, ask.id, Outcome::NotOwner(None));
            }
        }
    }

    /// Lets a shard of ours take another node's ask.
    fn take(&self, shard: ShardId, ask: Forwarded) {
        let (origin, id, epoch) = (ask.origin, ask.id, ask.epoch);
        let refuse = |why| {
            let outcome = Outcome::Answered(Answer::Refused(why));
            self.links.send(&origin, &PeerMessage::Answer { id, outcome, epoch });
        };
        let is_command = matches!(ask.body, AskBody::Command(..));
        if is_command && self.seats.is_full(shard) {
            return refuse(Refusal::Overloaded);
        }
        if self.n_under_way.load(Ordering::Relaxed) >= limits::FORWARDED_IN_MAX {
            return refuse(Refusal::Overloaded);
        }
        let under_way = UnderWay::begin(&self.n_under_way);
        let (reply_to, answer) = oneshot::channel();
        let taken = self.seats.inbox(shard).push(Input::Ask(Box::new(Ask {
            reply_to,
            key: ask.key,
            principal: ask.principal,
            cause: ask.cause,
            deadline: self.clock.now().plus_ms(ask.remaining_ms),
            body: ask.body,
        })));
        if !taken {
            return self.answer(&origin, id, Outcome::NotOwner(None));
        }
        let late = self.clock.sleep(ask.remaining_ms.saturating_add(limits::ANSWER_GRACE_MS));
        let (seats, links) = (Arc::clone(&self.seats), Arc::clone(&self.links));
        let clock = Arc::clone(&self.clock);
        self.life.spawn(async move {
            let _under_way = under_way;
            let answered = tokio::select! {
                biased;
                answered = answer => answered,
                // Its origin waits no longer either.
                () = late => return,
            };
            let (outcome, epoch) = match answered {
                Ok(answer)
                    if seats.may_answer(clock.steady())
                        || sites::is_broken("answer_without_lease") =>
                {
                    (Outcome::Answered(answer), epoch)
                }
                Ok(_) | Err(_) => (Outcome::Lost, 0),
            };
            links.send(&origin, &PeerMessage::Answer { id, outcome, epoch });
        });
    }

    /// Answers for a shard that is not served here.
    fn answer(&self, to: &NodeId, id: u64, outcome: Outcome) {
        self.links.send(to, &PeerMessage::Answer { id, outcome, epoch: 0 });
    }
}

/// A place among the asks that were sent; given back when dropped.
struct Place<'a> {
    gateway: &'a Gateway,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gateway.sent.lock().waiting.remove(&self.id);
    }
}

/// A place among the asks under way; given back when dropped.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(n_under_way: &Arc<AtomicUsize>) -> Self {
        n_under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(n_under_way))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
