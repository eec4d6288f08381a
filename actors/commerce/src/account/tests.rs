//! Tables of the ledger, random scripts against a plain model, and frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod fuzz;
mod golden;

use std::fmt::Write as _;

use codec::{pack, unpack};
use entity::{
    Affinity, Answer, Cause, Context, Decision, Effect, Entity, EntityKey, EventContext, Principal,
    PrincipalKind, Scopes, Source, Tenant, Timestamp,
};
use expect_test::{Expect, expect};
use uuid::Uuid;

use super::*;
use crate::protocol::AccountReply;
use crate::{keys, order};

fn tenant() -> Tenant {
    Tenant::new("demo")
}

fn customer() -> EntityKey {
    keys::customer(&tenant(), PrincipalKind::Customer, "ada")
}

fn key() -> EntityKey {
    keys::wallet(&customer())
}

fn owner(name: &str) -> EntityKey {
    EntityKey::derived(tenant(), kinds::ORDER, Affinity(7), id(name))
}

fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Ccy::USD)
}

#[derive(Debug, Clone)]
enum By {
    Caller(PrincipalKind, &'static str),
    Entity(EntityKey),
    Timer,
}

#[derive(Debug, Clone)]
struct World {
    account: Account,
    twin: Account,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let account = Account::initial(&key());
        Self { twin: account.clone(), account, now: Timestamp(1_000_000) }
    }

    fn with<T>(&self, by: &By, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let (source, kind, subject) = match by {
            By::Caller(kind, subject) => (Source::Caller, *kind, *subject),
            By::Entity(key) => (Source::Entity(key), PrincipalKind::System, ""),
            By::Timer => (Source::Timer, PrincipalKind::System, ""),
        };
        let (tenant, scopes) = (tenant(), Scopes::ALL);
        let principal = Principal { tenant, subject: subject.into(), kind, scopes };
        let (key, cause) = (key(), Cause::default());
        let (now, version) = (self.now, self.account.version);
        let principal = &principal;
        f(&Context { key: &key, now, version, principal, source, cause: &cause })
    }

    fn tell(&mut self, by: &By, command: Command) -> Result<Decision<Account>, Rejection> {
        let decision = self.with(by, |ctx| self.account.decide(ctx, command))?;
        assert_eq!(
            decision.reply.is_some(),
            matches!(by, By::Caller(..)) || decision.reply.is_some()
        );
        self.apply(&decision);
        Ok(decision)
    }

    fn wake(&mut self) -> Decision<Account> {
        let decision = self.with(&By::Timer, |ctx| self.account.wake(ctx));
        self.apply(&decision);
        assert!(self.account.next_deadline().is_none_or(|due| due > self.now));
        decision
    }

    fn apply(&mut self, decision: &Decision<Account>) {
        let key = key();
        for event in &decision.events {
            let version = self.account.version + 1;
            let ctx = EventContext { key: &key, version, at: self.now };
            self.account.evolve(&ctx, event);
            let stored: Event = unpack(&pack(event).unwrap()).unwrap();
            self.twin.evolve(&ctx, &stored);
            assert_eq!(Account::publication(&ctx, event), None);
        }
        self.check();
    }

    /// I3, I9, and the agreement of the pending side with the pending entries.
    fn check(&self) {
        let account = &self.account;
        assert_eq!(*account, self.twin, "I3: state is the fold of its events");
        assert_eq!(unpack::<Account>(&pack(account).unwrap()).unwrap(), *account, "I3");
        assert_eq!(account.ledger.sum(), 0, "I9: the ledger sums to zero");
        assert!(account.ledger.of(Side::Available) >= 0, "I9: nothing is held that is not there");
        let pending: i64 = account.pending.values().map(|entry| entry.amount).sum();
        assert_eq!(account.ledger.of(Side::Pending), pending);
        let due: BTreeSet<_> = account
            .pending
            .iter()
            .filter(|(_, entry)| entry.expires_at != Timestamp::MAX)
            .map(|(id, entry)| (entry.expires_at, *id))
            .collect();
        assert_eq!(account.due, due);
        assert!(account.pending.keys().all(|id| account.settled.get(*id).is_none()));
    }

    fn run(&mut self, line: &str) -> String {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["after", secs] => {
                self.now = self.now.plus_ms(secs.parse::<u64>().unwrap() * 1000);
                String::new()
            }
            ["sides"] => format!(
                "  available {}, pending {}, spent {}, funding {}\n",
                self.account.ledger.of(Side::Available),
                self.account.ledger.of(Side::Pending),
                self.account.ledger.of(Side::Spent),
                self.account.ledger.of(Side::Funding),
            ),
            _ => transcript(self.step(line)),
        }
    }

    fn step(&mut self, line: &str) -> Result<Decision<Account>, Rejection> {
        if line == "wake" {
            return Ok(self.wake());
        }
        let (by, words) = line.split_once(": ").unwrap_or(("o1", line));
        let by = match by {
            "customer" => By::Entity(customer()),
            "other customer" => {
                By::Entity(keys::customer(&tenant(), PrincipalKind::Customer, "bob"))
            }
            "ada" => By::Caller(PrincipalKind::Customer, "ada"),
            "operator" => By::Caller(PrincipalKind::Operator, "op"),
            "timer" => By::Timer,
            "stranger" => By::Entity(EntityKey { tenant: Tenant::new("else"), ..owner("o1") }),
            name => By::Entity(owner(name)),
        };
        let command = parse(&words.split_whitespace().collect::<Vec<_>>(), self.now);
        self.tell(&by, command)
    }
}

fn money(text: &str) -> Money {
    match text.strip_suffix("EUR") {
        Some(minor) => Money::new(minor.parse().unwrap(), Ccy::EUR),
        None => usd(text.parse().unwrap()),
    }
}

fn parse(words: &[&str], now: Timestamp) -> Command {
    match *words {
        ["open", grant] => Command::Open { grant: money(grant) },
        ["hold", entry, amount] => Command::Hold { entry_id: id(entry), amount: money(amount) },
        ["hold", entry, amount, secs] => Command::HoldUntil {
            entry_id: id(entry),
            amount: money(amount),
            expires_at: now.plus_ms(secs.parse::<u64>().unwrap() * 1000),
        },
        ["post", entry] => Command::Post { entry_id: id(entry) },
        ["post", entry, part] => Command::PostPart { entry_id: id(entry), amount: money(part) },
        ["void", entry] => Command::Void { entry_id: id(entry) },
        ["credit", entry, amount] => Command::Credit { entry_id: id(entry), amount: money(amount) },
        _ => panic!("no such command: {words:?}"),
    }
}

fn heard(effect: &Effect) -> AccountReply {
    let order::Command::Account { account, reply } = unpack(&effect.command).unwrap() else {
        panic!("an account answers with account replies only");
    };
    assert_eq!(account, key());
    reply
}

fn transcript(decided: Result<Decision<Account>, Rejection>) -> String {
    let mut out = String::new();
    match decided {
        Ok(decision) => {
            for event in &decision.events {
                let _ = writeln!(out, "  {}", named(&format!("{event:?}")));
            }
            for effect in &decision.effects {
                let _ = writeln!(out, "  -> {}", named(&format!("{:?}", heard(effect))));
            }
            if let Some(Reply::Balance(view)) = &decision.reply {
                let BalanceView { available, pending, version } = view;
                let (available, pending) = (available.minor, pending.minor);
                let _ = writeln!(out, "  = {available} and {pending} pending, version {version}");
            }
        }
        Err(rejection) => {
            let _ = writeln!(out, "  no: {}", named(&format!("{rejection:?}")));
        }
    }
    out
}

/// A text with ids back as names, and without the noise of keys.
fn named(text: &str) -> String {
    let mut out = text.to_owned();
    for known in ["a", "b", "c", "r1", "r2", "o1", "o2"] {
        out = out.replace(&id(known).to_string(), known);
    }
    for name in ["o1", "o2"] {
        let owner = "owner: Owner { kind: Kind(3), affinity: Affinity(7), id: Uuid(";
        out = out.replace(&format!("{owner}{name}) }}"), name);
    }
    let never = format!(", expires_at: Timestamp({})", u64::MAX);
    out.replace("entry_id: ", "").replace("Money ", "").replace(&never, "")
}

/// Given a wallet with 1,000: the lines at the margin are told, the others follow.
fn check(table: Expect) {
    let mut world = World::new();
    world.step("customer: open 1000").unwrap();
    check_from(world, table);
}

fn check_from(mut world: World, table: Expect) {
    let data = table.data().to_owned();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || data.lines().filter(|line| !line.trim().is_empty());
    let margin = lines().map(indent).min().unwrap_or(0);
    let mut out = String::new();
    for line in lines().filter(|line| indent(line) == margin) {
        let _ = writeln!(out, "{}", line.trim());
        out.push_str(&world.run(line.trim()));
    }
    table.assert_eq(&out);
}

#[test]
fn opening_is_idempotent_and_for_its_customer() {
    check_from(
        World::new(),
        expect![[r#"
            hold a 1
              -> Refused { a, available: { minor: 0, ccy: USD } }
            credit a 1
              no: NotFound
            other customer: open 5
              no: Forbidden
            ada: open 5
              no: Forbidden
            timer: open 5
              no: Forbidden
            customer: open -5
              no: BadAmount
            customer: open 9007199254740992
              no: BadAmount
            operator: open 100000
              Opened { grant: { minor: 100000, ccy: USD } }
              = 100000 and 0 pending, version 1
            operator: open 5
              = 100000 and 0 pending, version 1
            customer: open 100000
              = 100000 and 0 pending, version 1
            customer: open 5EUR
              no: CurrencyMismatch
            sides
              available 100000, pending 0, spent 0, funding -100000
        "#]],
    );
}

#[test]
fn what_is_held_is_posted_once() {
    check(expect![[r#"
        hold a 600
          Pended { a, o1, amount: 600 }
          -> Held { a, amount: { minor: 600, ccy: USD } }
        hold a 700
          -> Held { a, amount: { minor: 600, ccy: USD } }
        hold b 500
          -> Refused { b, available: { minor: 400, ccy: USD } }
        hold b 400
          Pended { b, o1, amount: 400 }
          -> Held { b, amount: { minor: 400, ccy: USD } }
        sides
          available 0, pending 1000, spent 0, funding -1000
        post a
          Posted { a, amount: 600 }
          -> Posted { a }
        post a
          -> Posted { a }
        void a
          -> Posted { a }
        hold a 600
          -> Posted { a }
        sides
          available 0, pending 400, spent 600, funding -1000
    "#]]);
}

#[test]
fn what_is_voided_is_available_again() {
    check(expect![[r#"
        void a
          -> Voided { a }
        post a
          -> Voided { a }
        hold b 600
          Pended { b, o1, amount: 600 }
          -> Held { b, amount: { minor: 600, ccy: USD } }
        void b
          Voided { b }
          -> Voided { b }
        void b
          -> Voided { b }
        post b
          -> Voided { b }
        hold b 600
          -> Voided { b }
        sides
          available 1000, pending 0, spent 0, funding -1000
    "#]]);
}

#[test]
fn a_part_may_be_posted_and_the_rest_returns() {
    check(expect![[r#"
        hold a 600
          Pended { a, o1, amount: 600 }
          -> Held { a, amount: { minor: 600, ccy: USD } }
        post a 700
          no: BadAmount
        post a 0
          no: BadAmount
        post a 100EUR
          no: CurrencyMismatch
        post a 250
          Posted { a, amount: 250 }
          -> Posted { a }
        post a 250
          -> Posted { a }
        post a
          -> Posted { a }
        sides
          available 750, pending 0, spent 250, funding -1000
    "#]]);
}

#[test]
fn what_is_not_posted_in_time_expires_and_its_owner_hears() {
    check(expect![[r#"
        hold a 600 60
          Pended { a, o1, amount: 600, expires_at: Timestamp(1060000) }
          -> Held { a, amount: { minor: 600, ccy: USD } }
        hold b 100 60
          Pended { b, o1, amount: 100, expires_at: Timestamp(1060000) }
          -> Held { b, amount: { minor: 100, ccy: USD } }
        hold c 100
          Pended { c, o1, amount: 100 }
          -> Held { c, amount: { minor: 100, ccy: USD } }
        after 59
        wake
        post b
          Posted { b, amount: 100 }
          -> Posted { b }
        after 1
        wake
          Expired { entry_ids: [a] }
          -> Voided { a }
        wake
        post a
          -> Voided { a }
        hold r1 5 60
          Pended { r1, o1, amount: 5, expires_at: Timestamp(1120000) }
          -> Held { r1, amount: { minor: 5, ccy: USD } }
        after 60
        post r1
          Expired { entry_ids: [r1] }
          -> Voided { r1 }
        post r1
          -> Voided { r1 }
        wake
        sides
          available 800, pending 100, spent 100, funding -1000
    "#]]);
}

#[test]
fn credits_come_once_and_go_to_what_is_available() {
    check(expect![[r#"
        hold a 600
          Pended { a, o1, amount: 600 }
          -> Held { a, amount: { minor: 600, ccy: USD } }
        post a
          Posted { a, amount: 600 }
          -> Posted { a }
        credit r1 200
          Credited { r1, amount: 200 }
          -> Credited { r1 }
        credit r1 200
          -> Credited { r1 }
        credit a 200
          no: EntryTaken { a }
        post r1
          no: EntryTaken { r1 }
        hold b 100
          Pended { b, o1, amount: 100 }
          -> Held { b, amount: { minor: 100, ccy: USD } }
        credit b 5
          no: EntryTaken { b }
        credit r2 0
          no: BadAmount
        credit r2 5EUR
          no: CurrencyMismatch
        credit r2 9007199254740392
          no: BadAmount
        credit r2 9007199254740391
          Credited { r2, amount: 9007199254740391 }
          -> Credited { r2 }
        sides
          available 9007199254740891, pending 100, spent -9007199254739991, funding -1000
    "#]]);
}

#[test]
fn refusals() {
    check(expect![[r#"
        hold a 0
          no: BadAmount
        hold a -5
          no: BadAmount
        hold a 5EUR
          -> Refused { a, available: { minor: 0, ccy: EUR } }
        hold a 1001
          -> Refused { a, available: { minor: 1000, ccy: USD } }
        hold a 10
          Pended { a, o1, amount: 10 }
          -> Held { a, amount: { minor: 10, ccy: USD } }
        o2: post a
          no: EntryTaken { a }
        o2: void a
          no: EntryTaken { a }
        o2: hold a 10
          no: EntryTaken { a }
        stranger: hold b 1
          no: Forbidden
        operator: hold b 1
          no: Forbidden
        timer: hold b 1
          no: Forbidden
        customer: hold b 1
          no: Forbidden
    "#]]);
}

#[test]
fn only_its_customer_and_staff_see_the_balance() {
    let mut world = World::new();
    let ask = |world: &World, kind, subject| {
        world.with(&By::Caller(kind, subject), |ctx| world.account.query(ctx, &Query::Balance))
    };
    let nothing = Answer::Rejected(Rejection::NotFound);
    assert_eq!(ask(&world, PrincipalKind::Customer, "ada"), nothing, "not opened");
    world.step("customer: open 1000").unwrap();
    world.step("hold a 300").unwrap();
    let view = BalanceView { available: usd(700), pending: usd(300), version: 2 };
    for (kind, subject) in [(PrincipalKind::Customer, "ada"), (PrincipalKind::Operator, "op")] {
        assert_eq!(ask(&world, kind, subject), Answer::Ready(View::Balance(view)));
    }
    for (kind, subject) in [(PrincipalKind::Customer, "bob"), (PrincipalKind::Agent, "agent")] {
        assert_eq!(ask(&world, kind, subject), nothing);
    }
}

#[test]
fn the_number_of_pending_entries_and_the_memory_are_bounded() {
    let mut world = World::new();
    world.step("customer: open 100000").unwrap();
    let by = By::Entity(owner("o1"));
    let entry = |n: usize| id(&format!("e{n}"));
    let hold = |n| Command::Hold { entry_id: entry(n), amount: usd(1) };
    for n in 0..PENDING_MAX {
        world.tell(&by, hold(n)).unwrap();
    }
    assert_eq!(world.tell(&by, hold(PENDING_MAX)).err(), Some(Rejection::TooManyPending));
    for n in 0..=SETTLED_KEPT {
        world.tell(&by, Command::Post { entry_id: entry(n) }).unwrap();
        world.tell(&by, hold(n + PENDING_MAX)).unwrap();
    }
    let decision = world.tell(&by, hold(1)).unwrap();
    assert_eq!(heard(&decision.effects[0]), AccountReply::Posted { entry_id: entry(1) });
    assert!(world.account.settled.get(entry(0)).is_none(), "the oldest is forgotten");
    assert!(world.account.heap_bytes() < 200_000);
}
