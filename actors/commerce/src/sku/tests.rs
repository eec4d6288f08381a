//! A SKU under test: scripts in words, and the invariants after every step.
//!
//! A script is a list of lines, `hold a 1 3 ttl=60`, and its transcript says what happened and what
//! was answered. Times are seconds in scripts. Owners are `o1` and `o2` (of one affinity) and `o3`.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod big;
mod fuzz;
mod golden;
mod goods;
mod matrix;
mod owners;
mod staff;
mod words;

use std::fmt::Write as _;

use codec::{pack, unpack};
use compact_str::CompactString;
use entity::{
    Affinity, Answer, Cause, Context, Decision, Effect, Entity, EntityKey, EventContext, Principal,
    PrincipalKind, Scope, Scopes, Source, Tenant, Timestamp,
};
use uuid::Uuid;

use self::words::{name_of, transcript};
use super::hold::Phase;
use super::*;
use crate::money::Ccy;
use crate::protocol::{IfVersion, StockReply};
use crate::{keys, order};

pub(super) fn tenant() -> Tenant {
    Tenant::new("demo")
}

pub(super) fn key() -> EntityKey {
    keys::sku(&tenant(), "demo-001")
}

/// An order by its name: `o1`, `o2` share an affinity, `o3` has another.
pub(super) fn owner(name: &str) -> EntityKey {
    let affinity = Affinity(if name == "o3" { 9 } else { 7 });
    EntityKey::derived(tenant(), kinds::ORDER, affinity, id(name))
}

/// An id for a name of a script: its bytes, so that a transcript can show the name again.
pub(super) fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

pub(super) fn principal(kind: PrincipalKind) -> Principal {
    Principal {
        tenant: tenant(),
        subject: CompactString::const_new("someone"),
        kind,
        scopes: Scopes::ALL,
    }
}

/// Who gives a command.
#[derive(Debug, Clone)]
pub(super) enum By {
    /// A caller of this kind.
    Caller(PrincipalKind, Scopes),
    /// An entity.
    Entity(EntityKey),
    /// The deadline: not a command at all.
    Timer,
}

pub(super) fn operator() -> By {
    By::Caller(PrincipalKind::Operator, Scopes::ALL)
}

/// A SKU, its twin that is folded from stored events, and a clock.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) sku: Sku,
    twin: Sku,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        let sku = Sku::initial(&key());
        Self { twin: sku.clone(), sku, now: Timestamp(1_000_000) }
    }

    /// With a price of 10.99 in version 1, and `n` units at `main`.
    pub(super) fn stocked(n: i64) -> Self {
        let mut world = Self::new();
        for line in ["put p1", "price 1099"] {
            world.run(line);
        }
        world.run(&format!("adjust main {n:+} receipt"));
        world
    }

    pub(super) fn with<T>(&self, by: &By, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let system = Principal::system(tenant());
        let (source, principal) = match by {
            By::Caller(kind, scopes) => {
                (Source::Caller, Principal { scopes: *scopes, ..principal(*kind) })
            }
            By::Entity(key) => (Source::Entity(key), system),
            By::Timer => (Source::Timer, system),
        };
        let (key, cause) = (key(), Cause::default());
        let version = self.sku.version;
        let ctx = Context {
            key: &key,
            now: self.now,
            version,
            principal: &principal,
            source,
            cause: &cause,
        };
        f(&ctx)
    }

    /// Decides and applies; whatever the outcome, the invariants hold afterwards.
    pub(super) fn tell(&mut self, by: &By, command: Command) -> Result<Decision<Sku>, Rejection> {
        let before = self.sku.clone();
        let decided = self.with(by, |ctx| self.sku.decide(ctx, command));
        assert_eq!(self.sku, before, "decide changes nothing");
        let decision = decided?;
        match by {
            By::Caller(..) => assert!(decision.reply.is_some(), "a caller waits for a reply"),
            By::Entity(_) | By::Timer => assert_eq!(decision.reply, None),
        }
        self.apply(&decision);
        Ok(decision)
    }

    pub(super) fn wake(&mut self) -> Decision<Sku> {
        let decision = self.with(&By::Timer, |ctx| self.sku.wake(ctx));
        self.apply(&decision);
        assert!(self.sku.next_deadline().is_none_or(|due| due > self.now), "woken for nothing");
        decision
    }

    pub(super) fn ask(&self, by: &By, query: &Query) -> Answer<View, Rejection> {
        self.with(by, |ctx| self.sku.query(ctx, query))
    }

    fn apply(&mut self, decision: &Decision<Sku>) {
        let key = key();
        for event in &decision.events {
            let before = self.sku.shelves.available();
            let version = self.sku.version + 1;
            let ctx = EventContext { key: &key, version, at: self.now };
            self.sku.evolve(&ctx, event);
            let stored: Event = unpack(&pack(event).unwrap()).unwrap();
            assert_eq!(stored, *event);
            self.twin.evolve(&ctx, &stored);
            check_left(event, before, self.sku.shelves.available());
            let face = Sku::publication(&ctx, event).expect("every event is published");
            assert_eq!((face.domain, face.subject.as_str()), ("stock", "demo-001"));
            assert!(face.event_type.starts_with("stock."));
        }
        self.check();
    }

    /// I3, I6, and the agreement of index, counters and holds.
    pub(super) fn check(&self) {
        assert_eq!(self.sku, self.twin, "I3: state is the fold of its events");
        let packed = pack(&self.sku).unwrap();
        assert_eq!(unpack::<Sku>(&packed).unwrap(), self.sku, "I3: a snapshot is the state");
        self.sku.holds.check();
        for (index, shelf) in (0..).zip(self.sku.shelves.iter()) {
            let moved = shelf.received + shelf.adjusted + shelf.restocked - shelf.shipped;
            assert_eq!(moved, shelf.on_hand, "I6: on hand is the sum of movements");
            assert!(shelf.on_hand >= 0);
            let sum = |claim: fn(&book::HoldParts) -> &Parts| -> i64 {
                self.sku.holds.parts().iter().map(|hold| i64::from(claim(hold).at(index))).sum()
            };
            assert_eq!(shelf.held, sum(|h| &h.held), "I6: held");
            assert_eq!(shelf.pinned, sum(|h| &h.pinned), "I6: pinned");
            assert_eq!(shelf.committed, sum(|h| &h.committed), "I6: committed");
        }
    }

    /// Runs a line and says what happened.
    pub(super) fn run(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["after", secs] => {
                self.now = self.now.plus_ms(secs.parse::<u64>().unwrap() * 1000);
                String::new()
            }
            ["stock"] => self.stock(),
            ["holds"] => self.holds(),
            _ => transcript(self.step(line)),
        }
    }

    /// Takes the step of a line: `wake`, or a command, `o2: pin a 1`. Staff's commands come from
    /// an operator and all others from `o1` when the line does not say.
    pub(super) fn step(&mut self, line: &str) -> Result<Decision<Sku>, Rejection> {
        if line == "wake" {
            return Ok(self.wake());
        }
        let (by, words) = match line.split_once(": ") {
            Some((name, words)) => (Some(who(name)), words),
            None => (None, line),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        let command = parse(&words, &self.sku);
        let usual = if is_staffs(&command) { operator() } else { who("o1") };
        self.tell(&by.unwrap_or(usual), command)
    }

    fn stock(&self) -> String {
        let mut out = String::new();
        for shelf in self.sku.shelves.iter() {
            let _ = writeln!(
                out,
                "  {}: on hand {}, held {}, pinned {}, committed {}, sellable {}",
                shelf.name,
                shelf.on_hand,
                shelf.held,
                shelf.pinned,
                shelf.committed,
                shelf.sellable()
            );
        }
        out
    }

    fn holds(&self) -> String {
        let query = Query::Holds { after: None, limit: 100 };
        let Answer::Ready(View::Holds { holds, .. }) = self.ask(&operator(), &query) else {
            panic!("an operator may see holds");
        };
        let mut out = String::new();
        for hold in holds {
            let (state, split) = (hold.state, hold.qty_by_location);
            let _ = writeln!(out, "  {}: {state:?} {split:?}", name_of(hold.id));
        }
        out
    }
}

/// What the event says is left, is left; and the word for it turned when it did.
fn check_left(event: &Event, before: u64, after: u64) {
    let left = match event {
        Event::PolicySet { left, .. }
        | Event::Adjusted { left, .. }
        | Event::Held { left, .. }
        | Event::Resized { left, .. }
        | Event::Grown { left, .. }
        | Event::Released { left, .. }
        | Event::Expired { left, .. }
        | Event::Revoked { left, .. }
        | Event::Shipped { left, .. }
        | Event::Restocked { left, .. } => *left,
        Event::Put { .. }
        | Event::ArchivedSet { .. }
        | Event::PriceSet { .. }
        | Event::Pinned { .. }
        | Event::Unpinned { .. }
        | Event::Committed { .. }
        | Event::Transferred { .. }
        | Event::OwnersAsked { .. } => {
            assert_eq!(before, after, "an event that changes what is left says so");
            return;
        }
    };
    assert_eq!(left, Left::after(before, after), "{event:?}");
}

pub(super) const fn is_staffs(command: &Command) -> bool {
    match command {
        Command::PutSku { .. }
        | Command::SetPrice { .. }
        | Command::SetPolicy { .. }
        | Command::Adjust { .. } => true,
        Command::SetArchived { .. }
        | Command::Hold { .. }
        | Command::Pin { .. }
        | Command::Unpin { .. }
        | Command::Commit { .. }
        | Command::Release { .. }
        | Command::Transfer { .. }
        | Command::Ship { .. }
        | Command::Restock { .. }
        | Command::OwnerStatus { .. } => false,
    }
}

pub(super) fn who(name: &str) -> By {
    match name {
        "operator" => operator(),
        "customer" => By::Caller(PrincipalKind::Customer, Scopes::ALL),
        "clerk" => By::Caller(PrincipalKind::Seller, Scopes::default().with(Scope::StockRead)),
        "timer" => By::Timer,
        "product" => By::Entity(keys::product(&tenant(), "p1")),
        "stranger" => By::Entity(keys::order(&keys::cart(&Tenant::new("else"), "c"), 1)),
        name => By::Entity(owner(name)),
    }
}

pub(super) fn parse(words: &[&str], sku: &Sku) -> Command {
    let name = CompactString::new;
    let number = |text: &str| text.parse::<u32>().unwrap();
    let option = |key: &str| {
        words.iter().find_map(|word| word.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')))
    };
    let if_version = match option("if") {
        Some("absent") => IfVersion::Absent,
        Some("exists") => IfVersion::Exists,
        Some(version) => IfVersion::Exact(version.parse().unwrap()),
        None => IfVersion::Any,
    };
    let ms = |secs: &str| secs.parse::<u64>().unwrap() * 1000;
    match *words {
        ["put", product, ..] => {
            let title = option("title").unwrap_or("A thing");
            Command::PutSku { product_id: name(product), title: name(title), if_version }
        }
        ["price", minor, ..] => Command::SetPrice {
            book: name(option("book").unwrap_or("default")),
            amount: Money::new(minor.parse().unwrap(), Ccy::USD),
            if_version,
        },
        ["archive", flag] => Command::SetArchived { archived: flag == "yes" },
        ["policy", location, safety, oversell, ..] => Command::SetPolicy {
            location: name(location),
            safety: number(safety),
            oversell_limit: number(oversell),
            if_version,
        },
        ["adjust", location, delta, reason] => Command::Adjust {
            location: name(location),
            change: Change::Delta(delta.parse().unwrap()),
            reason: name(reason),
        },
        ["count", location, count] => Command::Adjust {
            location: name(location),
            change: Change::Count(number(count)),
            reason: name("counted"),
        },
        ["hold", hold, generation, qty, ..] => Command::Hold {
            hold_id: id(hold),
            generation: number(generation),
            qty: number(qty),
            ttl_ms: option("ttl").map_or(60_000, ms),
            price_version: option("pv").map_or(sku.price_version, |pv| pv.parse().unwrap()),
            prefer: option("prefer").map_or(vec![], |list| list.split(',').map(name).collect()),
            commit: words.contains(&"commit"),
        },
        _ => parse_settle(words),
    }
}

fn parse_settle(words: &[&str]) -> Command {
    let name = CompactString::new;
    let number = |text: &str| text.parse::<u32>().unwrap();
    match *words {
        ["pin", hold, generation] => {
            Command::Pin { hold_id: id(hold), generation: number(generation) }
        }
        ["unpin", hold, secs] => {
            Command::Unpin { hold_id: id(hold), ttl_ms: u64::from(number(secs)) * 1000 }
        }
        ["commit", hold] => Command::Commit { hold_id: id(hold) },
        ["release", hold, generation] => {
            Command::Release { hold_id: id(hold), generation: number(generation) }
        }
        ["transfer", hold, to] => Command::Transfer { hold_id: id(hold), new_owner: owner(to) },
        ["ship", hold, shipment, location, qty] => Command::Ship {
            hold_id: id(hold),
            shipment_id: id(shipment),
            location: name(location),
            qty: number(qty),
        },
        ["restock", hold, movement, location, qty, condition] => Command::Restock {
            hold_id: id(hold),
            movement: (id(movement), 1),
            location: name(location),
            qty: number(qty),
            condition: match condition {
                "good" => Condition::BackInStock,
                "bad" => Condition::Unusable,
                other => panic!("good or bad, not {other}"),
            },
        },
        ["status", hold, answer] => {
            Command::OwnerStatus { hold_id: id(hold), keep: answer == "keep" }
        }
        _ => panic!("no such command: {words:?}"),
    }
}

/// What was answered, as the owner reads it.
pub(super) fn heard(effect: &Effect) -> StockReply {
    let order::Command::Stock { sku, reply } = unpack(&effect.command).unwrap() else {
        panic!("a SKU answers with stock replies only");
    };
    assert_eq!(sku, "demo-001");
    reply
}

/// Runs the script in a table, its lines at the margin, and writes the table anew.
pub(super) fn script(world: &mut World, table: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || table.lines().filter(|line| !line.trim().is_empty());
    let margin = lines().map(indent).min().unwrap_or(0);
    let mut out = String::new();
    for line in lines().filter(|line| indent(line) == margin) {
        let line = line.trim();
        let _ = writeln!(out, "{line}");
        out.push_str(&world.run(line));
    }
    out
}
