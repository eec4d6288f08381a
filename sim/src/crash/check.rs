//! The checks: what is written while it is written, and everything once the run is at rest.

use std::collections::{BTreeMap, BTreeSet};

use cluster::shard::{Input, ShardCore};
use codec::{Packed, pack, unpack};
use entity::{Entity, EntityKey, EventContext, RecordSource, ShardId, StepRecord};
use ports::{Frame, Journal, SnapshotStore, SnapshotWrite};

use super::client::Said;
use super::host::tail;
use super::journal::ready;
use super::plan::{Body, is};
use super::world::{Attempt, World};
use crate::toy::{self, Account, Order, Stock, account, order, stock};

/// The journal as it stands at the end, read back from the store.
struct Journaled {
    records: Vec<(ShardId, u64, StepRecord)>,
}

/// The events of an account, over all accounts.
#[derive(Default)]
struct Money {
    deposited: i64,
    sent: BTreeMap<(EntityKey, EntityKey), u64>,
    received: BTreeMap<(EntityKey, EntityKey), Vec<u64>>,
    returned: BTreeMap<(EntityKey, EntityKey), Vec<u64>>,
}

impl World {
    /// A core was recovered: it knows every quarantine and dead letter that is durable.
    pub(super) fn recovered(
        &self,
        shard: ShardId,
        core: &ShardCore<Attempt>,
    ) -> Result<(), String> {
        let n_shards = self.setup.n_shards;
        let durable = &self.witness.durable;
        let here = durable.quarantined.iter().filter(|key| key.shard(n_shards) == shard);
        let (wanted, found): (Vec<_>, Vec<_>) =
            (here.collect(), core.quarantined().map(|(key, _)| key).collect());
        if wanted != found {
            return Err(format!("recovered quarantines {found:?}, durable {wanted:?}"));
        }
        let here = durable.dead_letters.iter().filter(|(at, _)| *at == shard);
        let wanted: Vec<_> = here.map(|(_, number)| *number).collect();
        let found: Vec<_> = core.dead_letters().map(|(number, _)| number).collect();
        if wanted != found {
            return Err(format!("recovered dead letters {found:?}, durable {wanted:?}"));
        }
        Ok(())
    }

    /// Snapshots are about to be written: each is the entity after one of its durable records.
    pub(super) fn writable(&self, shard: ShardId, write: &SnapshotWrite) -> Result<(), String> {
        for (key, snapshot) in &write.snapshots {
            if self.witness.place(key, snapshot).is_none() {
                let version = snapshot.version;
                return Err(format!("I3: {key} written at {version}, which is not durable"));
            }
        }
        let last = self.witness.commits.get(&shard).copied().unwrap_or(0);
        match &write.checkpoint {
            Some(checkpoint) if checkpoint.commit_no > last => {
                Err(format!("I4: checkpoint {} of {shard:?}, durable {last}", checkpoint.commit_no))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A checkpoint was written: every entity changed at or before it has a snapshot of then.
    pub(super) fn complete(&self, shard: ShardId, commit: u64) -> Result<(), String> {
        let n_shards = self.setup.n_shards;
        let here = self.witness.history.iter().filter(|(key, _)| key.shard(n_shards) == shard);
        for (key, history) in here {
            let Some(needed) = history.iter().rposition(|at| at.last_commit <= commit) else {
                continue;
            };
            let stored = ready(self.store.snapshot(shard, key)).expect("the model answers");
            let found = stored.and_then(|snapshot| self.witness.place(key, &snapshot));
            if found.is_none_or(|found| found < needed) {
                return Err(format!(
                    "I3: checkpoint {commit} of {shard:?}: {key} stored at {found:?} of {needed}"
                ));
            }
        }
        Ok(())
    }

    /// Everything, once nothing happens any more.
    pub(super) fn check_all(&mut self) {
        let journal = self.read_journal();
        let done = journal.and_then(|journal| self.check_journal(&journal).map(|()| journal));
        let journal = match done {
            Ok(journal) => journal,
            Err(what) => return self.violation(what),
        };
        self.check_live(&journal, "live");
        if self.setup.canary.is_none() {
            // A canary may leave something behind that a drain does not know of.
            self.check_drain();
        }
        if !self.violations.is_empty() {
            return;
        }
        self.store.sync();
        self.crash_node();
        if self.restart().is_err() {
            return self.violation("a crash that was not asked for".into());
        }
        self.rest();
        self.check_live(&journal, "recovered");
    }

    fn read_journal(&self) -> Result<Journaled, String> {
        let mut records = Vec::new();
        for shard in self.shards() {
            let end = tail(&self.store, shard);
            let mut before: Option<Frame> = None;
            let mut from = 1;
            while from < end.next_commit {
                for frame in ready(self.store.read(shard, from, 1 << 20)).expect("it answers") {
                    frame.verify().map_err(|error| error.to_string())?;
                    follows(before.as_ref(), &frame)?;
                    let all = frame.records().map_err(|error| error.to_string())?;
                    let n_events: usize = all.iter().map(|record| record.events.len()).sum();
                    if n_events != frame.header.n_events as usize {
                        return Err(format!("I2: a frame of {n_events}: {:?}", frame.header));
                    }
                    records.extend(all.into_iter().map(|r| (shard, frame.header.commit_no, r)));
                    from = frame.header.commit_no + 1;
                    before = Some(frame);
                }
            }
        }
        Ok(Journaled { records })
    }

    fn check_journal(&self, journal: &Journaled) -> Result<(), String> {
        journal.chains()?;
        journal.streams()?;
        let folded = journal.folded()?;
        for (key, seen) in &self.witness.seen {
            let version = folded.get(key).map_or(0, |(version, _)| *version);
            if version < *seen {
                return Err(format!("I4: {key} was shown at {seen}, the journal has {version}"));
            }
        }
        self.check_effects(journal)?;
        check_money(journal)?;
        check_goods(journal)
    }

    /// I4, I5, I7: each request took effect as often as its caller was told.
    fn check_effects(&self, journal: &Journaled) -> Result<(), String> {
        let counts = journal.effects()?;
        for (index, request) in self.clients.requests.iter().enumerate() {
            let n = counts.get(&(index as u64)).copied().unwrap_or(0);
            let writes = match &request.wish.body {
                Body::Account(account::Command::Look { .. }) | Body::Query(_) => false,
                Body::Account(_) | Body::Stock(_) | Body::Order(_) => true,
                Body::Lift | Body::ReplayDeadLetter(_) => false,
            };
            let fine = match &request.said {
                Some(Said::Yes(..)) if writes => n == 1,
                Some(Said::Yes(..) | Said::No(_)) => n == 0,
                None if request.lost => n <= 1,
                None => n == 0,
            };
            // Poison that was sent is counted where it was taken, under the number of the sender.
            if !fine {
                return Err(format!("I5: request {index} took effect {n} times: {request:?}"));
            }
        }
        Ok(())
    }

    /// I3: what the cores hold is what the journal says.
    fn check_live(&mut self, journal: &Journaled, when: &str) {
        let folded = match journal.folded() {
            Ok(folded) => folded,
            Err(what) => return self.violation(what),
        };
        let asked: Vec<_> = folded
            .into_iter()
            .map(|(key, state)| {
                (self.request(key.clone(), Body::Query(toy::Query::Dump)), key, state)
            })
            .collect();
        self.rest();
        for (request, key, (version, state)) in asked {
            match &self.clients.requests[request].view {
                Some(view) if view.version == version && view.state == state => {}
                view => {
                    let shown = view.as_ref().map(|view| view.version);
                    self.violation(format!("I3: {when} {key}: shown {shown:?}, folded {version}"));
                }
            }
        }
    }

    /// A drain ends, and leaves nothing for the next start to read.
    fn check_drain(&mut self) {
        for host in &mut self.hosts {
            host.draining = true;
            host.inbox.push_back(Input::Drain);
        }
        self.rest();
        for shard in self.shards() {
            let drained = self.host(shard).core.as_mut().is_some_and(ShardCore::is_drained);
            let checkpoint = ready(self.store.checkpoint(shard)).expect("the model answers");
            let at = checkpoint.map_or(0, |checkpoint| checkpoint.commit_no);
            let end = tail(&self.store, shard).next_commit;
            if !drained || at + 1 != end {
                self.violation(format!("{shard:?} drained {drained}: {at} of {end}"));
            }
        }
    }
}

impl Journaled {
    /// I2: versions of entities, and the commit before each record.
    fn chains(&self) -> Result<(), String> {
        let mut last: BTreeMap<&EntityKey, (u64, u64)> = BTreeMap::new();
        for (_, commit, record) in self.own() {
            let (version, before) = last.get(&record.key).copied().unwrap_or((0, 0));
            if record.version != version || record.prev != before {
                return Err(format!(
                    "I2: {} at {version} of commit {before}: record {} after {}",
                    record.key, record.version, record.prev
                ));
            }
            last.insert(&record.key, (record.version_after(), *commit));
        }
        Ok(())
    }

    fn own(&self) -> impl Iterator<Item = &(ShardId, u64, StepRecord)> {
        self.records.iter().filter(|(_, _, record)| record.source != RecordSource::Runtime)
    }

    /// I5: each stream is sent and taken number by number, all of it.
    fn streams(&self) -> Result<(), String> {
        let mut sent: BTreeMap<(ShardId, ShardId), u64> = BTreeMap::new();
        let mut taken: BTreeMap<(ShardId, ShardId), u64> = BTreeMap::new();
        let next = |last: &mut u64, number: u64| {
            *last += 1;
            if *last == number { Ok(()) } else { Err(format!("I5: {number} instead of {last}")) }
        };
        for (shard, _, record) in &self.records {
            for send in &record.sends {
                next(sent.entry((*shard, send.to_shard)).or_default(), send.number)?;
            }
            if let Some(mark) = record.mark {
                next(taken.entry((mark.from_shard, *shard)).or_default(), mark.number)?;
            }
        }
        if sent != taken {
            let differ = sent.iter().filter(|(stream, n)| taken.get(stream) != Some(n));
            let differ: Vec<_> = differ.map(|(stream, n)| (stream, n, taken.get(stream))).collect();
            return Err(format!("I11: sent and taken: {differ:?}"));
        }
        Ok(())
    }

    fn events<E: Entity>(&self) -> Result<Vec<(&StepRecord, E::Event)>, String> {
        let mut events = Vec::new();
        for (_, _, record) in self.own().filter(|(_, _, record)| is::<E>(&record.key)) {
            for event in &record.events {
                events.push((record, unpack(event).map_err(|error| error.to_string())?));
            }
        }
        Ok(events)
    }

    /// How often each caller's number took effect.
    fn effects(&self) -> Result<BTreeMap<u64, u64>, String> {
        let mut counts = BTreeMap::new();
        let mut count = |op: u64| *counts.entry(op).or_insert(0) += 1;
        for (_, event) in self.events::<Account>()? {
            match event {
                account::Event::Deposited { op, .. }
                | account::Event::Withdrawn { op, .. }
                | account::Event::Transferred { op }
                | account::Event::PoisonSent { op }
                | account::Event::Cured { op }
                | account::Event::CountBegun { op, .. } => count(op),
                account::Event::Sent { .. }
                | account::Event::Received { .. }
                | account::Event::Returned { .. }
                | account::Event::PoisonReturned { .. }
                | account::Event::Poisoned { .. }
                | account::Event::Ticked => {}
            }
        }
        for (record, event) in self.events::<Account>()? {
            // Poison of a caller counts for its request, poison of another account does not.
            if let (account::Event::Poisoned { op, .. }, RecordSource::Caller) =
                (event, &record.source)
            {
                count(op);
            }
        }
        for (_, event) in self.events::<Stock>()? {
            if let stock::Event::Received { op, .. } = event {
                count(op);
            }
        }
        for (_, event) in self.events::<Order>()? {
            if let order::Event::Started { op, .. } = event {
                count(op);
            }
        }
        Ok(counts)
    }

    /// Every entity folded from its first event, without the runtime's cell.
    fn folded(&self) -> Result<BTreeMap<EntityKey, (u64, Packed)>, String> {
        let mut folded = BTreeMap::new();
        let keys: BTreeSet<_> = self.own().map(|(_, _, record)| &record.key).collect();
        for key in keys {
            let state = match key {
                key if is::<Account>(key) => self.fold::<Account>(key, |_| None)?,
                key if is::<Stock>(key) => self.fold::<Stock>(key, Stock::fault)?,
                key => self.fold::<Order>(key, |_| None)?,
            };
            folded.insert(key.clone(), state);
        }
        Ok(folded)
    }

    fn fold<E: Entity>(
        &self,
        key: &EntityKey,
        fault: impl Fn(&E) -> Option<String>,
    ) -> Result<(u64, Packed), String> {
        let (mut state, mut version) = (E::initial(key), 0);
        for (_, _, record) in self.own().filter(|(_, _, record)| record.key == *key) {
            for event in &record.events {
                let event: E::Event = unpack(event).map_err(|error| error.to_string())?;
                version += 1;
                state.evolve(&EventContext { key, version, at: record.at }, &event);
                if let Some(fault) = fault(&state) {
                    return Err(format!("I6: {key} at {version}: {fault}"));
                }
            }
        }
        Ok((version, pack(&state).map_err(|error| error.to_string())?))
    }

    fn state<E: Entity>(&self, key: &EntityKey) -> Result<E, String> {
        let (_, state) = self.fold::<E>(key, |_| None)?;
        unpack(&state).map_err(|error| error.to_string())
    }
}

fn follows(before: Option<&Frame>, frame: &Frame) -> Result<(), String> {
    let (commit_no, first_seq, crc, epoch) = match before {
        Some(before) => {
            let header = &before.header;
            let next_seq = header.first_seq + u64::from(header.n_events);
            (header.commit_no + 1, next_seq, before.crc, header.epoch)
        }
        None => (1, 1, 0, 0),
    };
    let header = &frame.header;
    let fits = header.commit_no == commit_no
        && header.first_seq == first_seq
        && header.prev_crc == crc
        && header.epoch >= epoch;
    if fits { Ok(()) } else { Err(format!("I2: {header:?} after {before:?}")) }
}

/// I5 among accounts: each message is taken once and in order, or comes back once.
fn check_money(journal: &Journaled) -> Result<(), String> {
    let mut money = Money::default();
    for (record, event) in journal.events::<Account>()? {
        let me = record.key.clone();
        match event {
            account::Event::Deposited { amount, .. } => money.deposited += amount,
            account::Event::Withdrawn { amount, .. } => money.deposited -= amount,
            account::Event::Sent { to, number } => {
                let last = money.sent.entry((me, to)).or_default();
                *last += 1;
                if *last != number {
                    return Err(format!("I5: sent {number} instead of {last}"));
                }
            }
            account::Event::Received { from, number } => {
                money.received.entry((from, me)).or_default().push(number);
            }
            account::Event::Returned { to, number } => {
                money.returned.entry((me, to)).or_default().push(number);
            }
            account::Event::Transferred { .. }
            | account::Event::PoisonSent { .. }
            | account::Event::PoisonReturned { .. }
            | account::Event::Poisoned { .. }
            | account::Event::Cured { .. }
            | account::Event::CountBegun { .. }
            | account::Event::Ticked => {}
        }
    }
    let none = Vec::new();
    for (pair, n) in &money.sent {
        let received = money.received.get(pair).unwrap_or(&none);
        let returned = money.returned.get(pair).unwrap_or(&none);
        let all: BTreeSet<_> = received.iter().chain(returned).copied().collect();
        let once = all.len() == received.len() + returned.len();
        if !once || !all.iter().copied().eq(1..=*n) || !received.is_sorted() {
            return Err(format!("I5: {pair:?} {n}: received {received:?}, returned {returned:?}"));
        }
    }
    let keys: BTreeSet<_> = journal.own().map(|(_, _, record)| &record.key).collect();
    let mut balance = 0;
    for key in keys.into_iter().filter(|key| is::<Account>(key)) {
        let account: Account = journal.state(key)?;
        balance += account.balance;
        if account.ticks_left > 0 {
            return Err(format!("I11: {key} has {} ticks left", account.ticks_left));
        }
    }
    if balance != money.deposited {
        return Err(format!("I9: balances {balance}, deposited {}", money.deposited));
    }
    Ok(())
}

/// I8, I11: every order ended, and each of its holds ended as the order did.
fn check_goods(journal: &Journaled) -> Result<(), String> {
    let keys: BTreeSet<_> = journal.own().map(|(_, _, record)| &record.key).collect();
    for key in keys.iter().copied().filter(|key| is::<Order>(key)) {
        let order: Order = journal.state(key)?;
        if !order.stage.has_ended() {
            return Err(format!("I11: {key} did not end: {order:?}"));
        }
        for line in &order.lines {
            let stock: Stock = journal.state(&line.stock)?;
            let ended = stock.ended.get(key);
            let fits = match (order.stage, ended) {
                (order::Stage::Completed, Some(stock::Ending::Consumed(n))) => *n == line.n,
                (order::Stage::Failed, Some(stock::Ending::Undone | stock::Ending::Expired)) => {
                    true
                }
                _ => false,
            };
            if !fits {
                return Err(format!("I8: {key} {:?}, {}: {ended:?}", order.stage, line.stock));
            }
        }
    }
    for key in keys.into_iter().filter(|key| is::<Stock>(key)) {
        let stock: Stock = journal.state(key)?;
        if let Some(late) = stock.holds.keys().next() {
            return Err(format!("I8: {key} still holds for {late}"));
        }
    }
    Ok(())
}
