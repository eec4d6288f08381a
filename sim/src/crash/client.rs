//! The clients: they issue the workload, ask again when they get no answer, and hold every answer
//! against what is durable at that moment and against what they were told before (I4, I7).
//!
//! The operator is one of them: it lifts quarantines, cures accounts and sends dead letters again.

use std::collections::{BTreeMap, BTreeSet};

use cluster::shard::{Answer, Ask, AskBody, Input, Refusal};
use codec::{Packed, pack, unpack};
use entity::{
    Cause, EntityKey, Fingerprint, IdempotencyKey, Keyed, Outcome, Principal, QueryOutcome, ShardId,
};

use super::host::is_retryable;
use super::plan::{self, Body, Setup, Wish, wishes};
use super::world::{Attempt, World};
use crate::random::{Stream, percent};
use crate::toy::{self, Account, Refused, View, account};

/// What an entity said to a command, however often it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Yes(u64, Packed),
    No(Packed),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Planned,
    Asked,
    AskAgain,
    Done,
}

/// One request, over all its attempts.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) wish: Wish,
    status: Status,
    n_attempts: u64,
    n_repeats: u64,
    /// An attempt was lost: whether it took effect is not known.
    pub(super) lost: bool,
    pub(super) said: Option<Said>,
    /// It was refused in the end, and nothing was done.
    pub(super) refused: Option<Refusal>,
    pub(super) view: Option<View>,
}

struct UnderWay {
    request: usize,
    shard: ShardId,
    /// The version that had been seen when it was issued.
    seen: u64,
    /// Asked with the fingerprint of another request.
    misused: bool,
}

/// All clients.
pub(super) struct Clients {
    pub(super) requests: Vec<Request>,
    n_planned: usize,
    n_issued: usize,
    under_way: BTreeMap<Attempt, UnderWay>,
    last_attempt: Attempt,
    cured: BTreeSet<EntityKey>,
}

impl Request {
    fn new(wish: Wish) -> Self {
        Self {
            n_repeats: wish.n_repeats,
            wish,
            status: Status::Planned,
            n_attempts: 0,
            lost: false,
            said: None,
            refused: None,
            view: None,
        }
    }

    /// Whether an attempt whose fate is unknown may be made again.
    const fn is_safe(&self) -> bool {
        self.wish.idempotency.is_some()
            || match self.wish.body {
                Body::Query(_) | Body::Lift | Body::ReplayDeadLetter(_) => true,
                Body::Account(_) | Body::Stock(_) | Body::Order(_) => false,
            }
    }
}

impl Clients {
    pub(super) fn new(setup: &Setup) -> Self {
        let requests: Vec<_> = wishes(setup).into_iter().map(Request::new).collect();
        Self {
            n_planned: requests.len(),
            requests,
            n_issued: 0,
            under_way: BTreeMap::new(),
            last_attempt: 0,
            cured: BTreeSet::new(),
        }
    }

    pub(super) fn all_issued(&self) -> bool {
        self.n_issued == self.n_planned
    }

    pub(super) fn next_wish(&self) -> Option<usize> {
        (self.n_issued < self.n_planned).then_some(self.n_issued)
    }

    /// Requests that a client may make again.
    pub(super) fn again(&self) -> impl Iterator<Item = u64> {
        let again = |(_, request): &(usize, &Request)| match request.status {
            Status::AskAgain => true,
            Status::Done => request.n_repeats > 0 && request.said.is_some(),
            Status::Planned | Status::Asked => false,
        };
        self.requests.iter().enumerate().filter(again).map(|(index, _)| index as u64)
    }

    /// Attempts that have no answer, for people.
    pub(super) fn open(&self) -> String {
        let open = self.requests.iter().enumerate().filter(|(_, r)| r.status != Status::Done);
        format!("{:?}", open.map(|(n, r)| (n, r.status, &r.wish.body)).collect::<Vec<_>>())
    }

    /// The node is gone: nobody gets an answer to what was under way.
    pub(super) fn lost_all(&mut self) {
        let attempts: Vec<_> = self.under_way.keys().copied().collect();
        attempts.into_iter().for_each(|attempt| self.lose(attempt));
    }

    /// A host is gone, and with it what it had taken of the inputs.
    pub(super) fn lost(&mut self, shard: ShardId, kept: &BTreeSet<Attempt>) {
        let gone = self
            .under_way
            .iter()
            .filter(|(attempt, way)| way.shard == shard && !kept.contains(attempt));
        let attempts: Vec<_> = gone.map(|(attempt, _)| *attempt).collect();
        attempts.into_iter().for_each(|attempt| self.lose(attempt));
    }

    fn lose(&mut self, attempt: Attempt) {
        let way = self.under_way.remove(&attempt).expect("it was under way");
        let request = &mut self.requests[way.request];
        if request.said.is_none() {
            request.lost = true;
        }
        request.status = if request.is_safe() { Status::AskAgain } else { Status::Done };
    }

    fn is_open(&self, wanted: impl Fn(&Wish) -> bool) -> bool {
        self.requests.iter().any(|request| request.status != Status::Done && wanted(&request.wish))
    }
}

impl World {
    pub(super) fn issue(&mut self) {
        let request = self.clients.n_issued;
        self.clients.n_issued += 1;
        self.attempt(request, false);
    }

    pub(super) fn ask_again(&mut self, request: u64) {
        let index = usize::try_from(request).expect("an index");
        let bits = self.draw(Stream::Fault, 3_000 + request);
        let request = &mut self.clients.requests[index];
        let mut misuse = false;
        if request.status == Status::Done {
            request.n_repeats -= 1;
            misuse = percent(bits, 25);
            self.probes.hit("request repeated");
        }
        self.attempt(index, misuse);
    }

    /// Adds a request to those that were planned, and issues it.
    pub(super) fn request(&mut self, key: EntityKey, body: Body) -> usize {
        let op = self.clients.requests.len() as u64;
        let idempotency = match body {
            Body::Account(_) | Body::Stock(_) | Body::Order(_) => Some(plan::idempotency(op)),
            Body::Query(_) | Body::Lift | Body::ReplayDeadLetter(_) => None,
        };
        let wish = Wish { key, body, idempotency, wait_ms: 60_000, n_repeats: 0 };
        self.clients.requests.push(Request::new(wish));
        self.attempt(self.clients.requests.len() - 1, false);
        self.clients.requests.len() - 1
    }

    fn attempt(&mut self, index: usize, misuse: bool) {
        let clients = &mut self.clients;
        clients.last_attempt += 1;
        let attempt = clients.last_attempt;
        let request = &mut clients.requests[index];
        request.status = Status::Asked;
        request.n_attempts += 1;
        let wish = &request.wish;
        let shard = wish.key.shard(self.setup.n_shards);
        let seen = self.witness.seen.get(&wish.key).copied().unwrap_or(0);
        let under_way = UnderWay { request: index, shard, seen, misused: misuse };
        clients.under_way.insert(attempt, under_way);
        let wait_ms = if request.n_attempts > 3 { 60_000 } else { wish.wait_ms };
        let ask = Ask {
            reply_to: attempt,
            key: wish.key.clone(),
            principal: Principal::system(toy::tenant()),
            cause: Cause { request: index as u64, ..Cause::default() },
            deadline: self.now.plus_ms(wait_ms),
            body: body(wish, misuse),
        };
        self.host(shard).inbox.push_back(Input::Ask(Box::new(ask)));
    }

    /// A caller hears something.
    pub(super) fn replied(&mut self, attempt: Attempt, answer: &Answer) {
        let Some(way) = self.clients.under_way.remove(&attempt) else {
            return self.violation(format!("attempt {attempt} was answered twice: {answer:?}"));
        };
        let wish = self.clients.requests[way.request].wish.clone();
        let shown = self.shown(&wish, &way, answer);
        if let Err(what) = shown {
            self.violation(format!("request {}: {what}", way.request));
        }
        let request = &mut self.clients.requests[way.request];
        request.status = match is_retryable(answer) && request.is_safe() {
            true => Status::AskAgain,
            false => Status::Done,
        };
        let said = match answer {
            _ if way.misused => return,
            Answer::Outcome(Outcome::Replied(version, reply)) => {
                Said::Yes(*version, reply.packed().expect("a toy's reply is small"))
            }
            Answer::Outcome(Outcome::Rejected(rejection)) => Said::No(rejection.clone()),
            Answer::Outcome(Outcome::Replayed(kept)) => match &kept.outcome {
                Ok(reply) => Said::Yes(kept.version, reply.clone()),
                Err(rejection) => Said::No(rejection.clone()),
            },
            Answer::Refused(refusal) => {
                request.refused = Some(*refusal);
                return;
            }
            Answer::Query(QueryOutcome::Ready(_, view) | QueryOutcome::NotYet(_, view)) => {
                request.view = view.clone().take().ok();
                return;
            }
            _ => return,
        };
        if let Body::Account(account::Command::Cure { .. }) = wish.body {
            self.clients.cured.insert(wish.key);
        }
        match &request.said {
            Some(before) if *before != said => {
                let what =
                    format!("I7: request {} was told {before:?}, then {said:?}", way.request);
                self.violation(what);
            }
            Some(_) => self.probes.hit("same answer again"),
            None => request.said = Some(said),
        }
    }

    /// Whether what a caller is told is durable, and not older than what was told before (I4).
    fn shown(&mut self, wish: &Wish, way: &UnderWay, answer: &Answer) -> Result<(), String> {
        let (key, blind) = (&wish.key, self.setup.only_outcome);
        let kept = wish.idempotency.and_then(|(idempotency, _)| {
            self.witness.durable.kept.get(&(key.clone(), idempotency)).cloned()
        });
        let version = match answer {
            Answer::Outcome(outcome) => match outcome {
                Outcome::Replied(version, _) => {
                    if wish.idempotency.is_some() && kept.is_none() && !blind {
                        return Err("I4: the kept outcome is not durable".into());
                    }
                    *version
                }
                Outcome::Rejected(rejection) => {
                    unpack::<Refused>(rejection).map_err(|error| error.to_string())?.version
                }
                Outcome::Replayed(replayed) if kept.as_ref() == Some(replayed) || blind => {
                    replayed.version.max(way.seen)
                }
                Outcome::Replayed(replayed) => {
                    return Err(format!("I4: replayed {replayed:?}, durable {kept:?}"));
                }
                Outcome::KeyReused if way.misused && (kept.is_some() || blind) => way.seen,
                Outcome::KeyReused | Outcome::KeysFull | Outcome::StateFull | Outcome::Taken => {
                    return Err(format!("not expected: {outcome:?}"));
                }
            },
            Answer::Query(QueryOutcome::Ready(version, _) | QueryOutcome::NotYet(version, _)) => {
                *version
            }
            Answer::Query(QueryOutcome::Rejected(_))
            | Answer::Located { .. }
            | Answer::Troubles(_) => {
                return Err(format!("not expected: {answer:?}"));
            }
            Answer::Done => return Ok(()),
            Answer::Refused(Refusal::Quarantined | Refusal::Failed) => {
                let imposed = self.witness.durable.imposed.get(key).map_or(0, |(n, _)| *n);
                let fine = imposed > 0 || blind;
                return if fine { Ok(()) } else { Err("I4: quarantine not durable".into()) };
            }
            Answer::Refused(Refusal::Unreadable) => return Err("unreadable".into()),
            Answer::Refused(
                Refusal::Overloaded | Refusal::TimedOut | Refusal::Unavailable | Refusal::NotFound,
            ) => return Ok(()),
        };
        if version < way.seen {
            return Err(format!("I4: {key} shown at {version} after {}", way.seen));
        }
        let told = self.witness.tell(key, version);
        if blind { Ok(()) } else { told }
    }

    pub(super) fn has_operator_work(&self) -> bool {
        self.operator_work().is_some()
    }

    pub(super) fn operate(&mut self) {
        if let Some((key, body)) = self.operator_work() {
            self.probes.hit(match body {
                Body::Lift => "quarantine lifted",
                Body::ReplayDeadLetter(_) => "dead letter replayed",
                Body::Account(_) | Body::Stock(_) | Body::Order(_) | Body::Query(_) => "cured",
            });
            self.request(key, body);
        }
    }

    /// The next thing that an operator would do.
    fn operator_work(&self) -> Option<(EntityKey, Body)> {
        let clients = &self.clients;
        let op = clients.requests.len() as u64;
        for core in self.hosts.iter().filter_map(|host| host.core.as_ref()) {
            for (key, _) in core.quarantined() {
                let lifting = |w: &Wish| w.key == *key && matches!(w.body, Body::Lift);
                if !clients.is_open(lifting) {
                    return Some((key.clone(), Body::Lift));
                }
            }
            for (number, letter) in core.dead_letters() {
                let to = &letter.message.to;
                // An operator's request about this account is under way.
                if core.quarantined().any(|(key, _)| key == to) || !plan::is::<Account>(to) {
                    continue;
                }
                let cure = account::Command::Cure { op };
                let replaying =
                    |w: &Wish| w.key == *to && matches!(w.body, Body::ReplayDeadLetter(_));
                let curing = |w: &Wish| {
                    w.key == *to && matches!(w.body, Body::Account(account::Command::Cure { .. }))
                };
                if clients.is_open(replaying) || clients.is_open(curing) {
                    continue;
                }
                if clients.cured.contains(to) || number == 1 && op < 24 {
                    return Some((to.clone(), Body::ReplayDeadLetter(number)));
                }
                return Some((to.clone(), Body::Account(cure)));
            }
        }
        None
    }
}

fn body(wish: &Wish, misuse: bool) -> AskBody {
    let idempotency = wish.idempotency.map(|(key, print)| match misuse {
        true => (key, Fingerprint([0xFF; 16])),
        false => (key, print),
    });
    let command = |packed: Result<Packed, codec::Error>,
                   key: Option<(IdempotencyKey, Fingerprint)>| {
        AskBody::Command(packed.expect("a toy's command is small"), key.map(Keyed::from))
    };
    match &wish.body {
        Body::Account(it) => command(pack(it), idempotency),
        Body::Stock(it) => command(pack(it), idempotency),
        Body::Order(it) => command(pack(it), idempotency),
        Body::Query(it) => AskBody::Query(codec::Carried::of(it.clone())),
        Body::Lift => AskBody::Lift,
        Body::ReplayDeadLetter(number) => AskBody::ReplayDeadLetter(*number),
    }
}
