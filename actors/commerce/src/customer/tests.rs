//! A customer under test: profile, address book, recent things, sign-in points, frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

mod golden;

use codec::{pack, unpack};
use compact_str::CompactString;
use entity::{
    Affinity, Cause, Context, Entity, EntityKey, EventContext, Principal, PrincipalKind, Scopes,
    Source, Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::keys;
use crate::order::tests::world::{address, buyer, staff, tenant};
use crate::protocol::IfVersion;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// 2026-11-21T00:00:00Z.
const START: Timestamp = Timestamp(1_795_219_200_000);

pub(super) fn key() -> EntityKey {
    keys::customer(&tenant(), PrincipalKind::Customer, "ada")
}

/// A customer, its twin that is folded from stored events, and a clock.
pub(super) struct World {
    pub(super) customer: Customer,
    twin: Customer,
    version: u64,
    now: Timestamp,
}

impl World {
    pub(super) fn new() -> Self {
        let customer = Customer::initial(&key());
        Self { twin: customer.clone(), customer, version: 0, now: START }
    }

    pub(super) fn registered() -> Self {
        let mut world = Self::new();
        world.ask(register("Ada", "ada@example.org")).unwrap();
        world
    }

    fn with<T>(&self, by: &Principal, source: Source<'_>, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let (key, cause) = (key(), Cause::default());
        let (now, version) = (self.now, self.version);
        f(&Context { key: &key, now, version, principal: by, source, cause: &cause })
    }

    fn apply(&mut self, decision: &Decision<Customer>) {
        let key = key();
        for event in &decision.events {
            self.version += 1;
            let ctx = EventContext { key: &key, version: self.version, at: self.now };
            self.customer.evolve(&ctx, event);
            let stored: Event = unpack(&pack(event).unwrap()).unwrap();
            self.twin.evolve(&ctx, &stored);
            let public = Customer::publication(&ctx, event).unwrap();
            assert_eq!(public.domain, "customers");
            let data: serde_json::Value = serde_json::from_slice(&public.data).unwrap();
            assert_eq!(data["version"], self.version);
            let text = String::from_utf8(public.data).unwrap();
            assert!(!text.contains("example.org") && !text.contains("Main Street"), "{text}");
        }
        assert_eq!(self.customer, self.twin, "I3");
        assert_eq!(unpack::<Customer>(&pack(&self.customer).unwrap()).unwrap(), self.customer);
        assert!(self.customer.heap_bytes() < 64 * 1024);
    }

    fn ask_as(&mut self, by: &Principal, command: Command) -> Result<Reply, Rejection> {
        let decision = self.with(by, Source::Caller, |ctx| self.customer.decide(ctx, command))?;
        self.apply(&decision);
        Ok(decision.reply.expect("a caller hears something"))
    }

    pub(super) fn ask(&mut self, command: Command) -> Result<Reply, Rejection> {
        self.ask_as(&buyer("ada"), command)
    }

    pub(super) fn told(&mut self, command: Command) {
        let (system, from) = (Principal::system(tenant()), key());
        let decision = self
            .with(&system, Source::Entity(&from), |ctx| self.customer.decide(ctx, command))
            .unwrap();
        self.apply(&decision);
    }

    pub(super) fn query_as(&self, by: &Principal, query: &Query) -> Result<View, Rejection> {
        match self.with(by, Source::Caller, |ctx| self.customer.query(ctx, query)) {
            Answer::Ready(view) | Answer::NotYet(view) => Ok(view),
            Answer::Rejected(no) => Err(no),
        }
    }
}

fn register(name: &str, email: &str) -> Command {
    Command::Register {
        name: CompactString::new(name),
        email: CompactString::new(email),
        utc_offset_min: 0,
    }
}

pub(super) fn put(id: &str, as_default: bool, if_version: IfVersion) -> Command {
    Command::PutAddress { id: id.into(), address: address(), as_default, if_version }
}

fn code(result: Result<Reply, Rejection>) -> String {
    match result {
        Err(Rejection::Invalid(invalid)) => format!("{} {}", invalid.pointer, invalid.code),
        other => format!("{other:?}"),
    }
}

#[test]
fn registering_twice_is_registering_once() {
    let mut world = World::new();
    let me = world.query_as(&buyer("ada"), &Query::Me);
    assert_eq!(me, Err(Rejection::NotFound));
    let created = |created| Ok(Reply::Registered { created });
    assert_eq!(world.ask(register("Ada", "ada@example.org")), created(true));
    assert_eq!(world.ask(register("Ada", "ada@example.org")), created(false));
    assert_eq!(world.ask(register("Eve", "eve@example.org")), created(false));
    assert_eq!(world.version, 1);
    let View::Me(me) = world.query_as(&buyer("ada"), &Query::Me).unwrap() else {
        panic!("the profile")
    };
    assert_eq!((me.profile.name.as_str(), me.version, me.level), ("Ada", 1, Level::Standard));
    assert_eq!(me.profile.created_at, START);
}

#[test]
fn names_and_mail_addresses_are_checked() {
    let mut world = World::new();
    let long = "x".repeat(101);
    for (name, email, wanted) in [
        ("", "a@b", "/name blank"),
        ("a\u{1}", "a@b", "/name control_character"),
        (long.as_str(), "a@b", "/name too_long"),
        ("Ada", "", "/email blank"),
        ("Ada", "ada", "/email not_an_email"),
        ("Ada", "@example.org", "/email not_an_email"),
        ("Ada", "ada@", "/email not_an_email"),
        ("Ada", "a@b@c", "/email not_an_email"),
        ("Ada", "a b@c", "/email not_an_email"),
        ("Ada", "a@b\n", "/email control_character"),
    ] {
        assert_eq!(code(world.ask(register(name, email))), wanted, "{name:?} {email:?}");
    }
    let (name, email) = ("Ada".into(), "a@b".into());
    let offset = Command::Register { name, email, utc_offset_min: 15 * 60 };
    assert_eq!(code(world.ask(offset.clone())), "/utc_offset_min out_of_range");
    assert_eq!(world.version, 0);
    // Whoever is known hears it as well.
    let mut known = World::registered();
    assert_eq!(code(known.ask(register("Ada", "bad"))), "/email not_an_email");
    assert_eq!(code(known.ask(offset)), "/utc_offset_min out_of_range");
    assert_eq!(known.version, 1);
    // A hundred characters, not bytes.
    assert!(world.ask(register(&"é".repeat(100), "a@b")).is_ok());
}

#[test]
fn a_profile_changes_with_its_version() {
    let mut world = World::registered();
    let update = |name: Option<&str>, version| Command::Update {
        name: name.map(CompactString::new),
        email: None,
        if_version: IfVersion::Exact(version),
    };
    assert_eq!(world.ask(update(Some("Lady Ada"), 1)), Ok(Reply::Done));
    assert_eq!(
        world.ask(update(Some("Ada"), 1)),
        Err(Rejection::VersionMismatch { version: Some(2) })
    );
    assert_eq!(world.ask(update(None, 2)), Ok(Reply::Done));
    assert_eq!(world.version, 2, "nothing changed");
    assert_eq!(code(world.ask(update(Some(" "), 2))), "/name blank");
    assert_eq!(world.customer.profile.as_ref().unwrap().email, "ada@example.org");
    // What is no part of the profile makes nobody's version of it stale.
    assert!(world.ask(put("home", false, IfVersion::Absent)).is_ok());
    assert_eq!(world.version, 3);
    assert_eq!(world.ask(update(Some("Ada"), 2)), Ok(Reply::Done));
    assert_eq!(world.customer.profile_version, 4);
}

#[test]
fn an_address_book_has_one_default_and_an_end() {
    let mut world = World::registered();
    let put_new = |created| Ok(Reply::AddressPut { created });
    assert_eq!(world.ask(put("home", false, IfVersion::Absent)), put_new(true));
    assert_eq!(world.ask(put("work", true, IfVersion::Absent)), put_new(true));
    let defaults = |world: &World| {
        let addresses = world.customer.addresses.iter();
        addresses.filter(|it| it.is_default).map(|it| it.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(defaults(&world), ["work"], "the first was it until another was named");
    let version = |world: &World, id: &str| world.customer.address(id).map(|it| it.version);
    let versions = (version(&world, "home"), version(&world, "work"));
    assert_eq!(versions, (Some(3), Some(3)), "the one is shown as the default no more");
    for stale in [IfVersion::Absent, IfVersion::Exact(2)] {
        assert_eq!(
            world.ask(put("home", false, stale)),
            Err(Rejection::VersionMismatch { version: Some(3) })
        );
    }
    for missing in [IfVersion::Exact(2), IfVersion::Exists] {
        assert_eq!(
            world.ask(put("none", false, missing)),
            Err(Rejection::VersionMismatch { version: None })
        );
    }
    assert_eq!(world.ask(put("home", false, IfVersion::Exact(3))), put_new(false));
    assert_eq!(world.ask(put("home", false, IfVersion::Exists)), put_new(false));
    assert_eq!(world.version, 3, "the same address again");
    assert_eq!(world.ask(put("home", true, IfVersion::Exact(3))), put_new(false));
    assert_eq!(defaults(&world), ["home"]);
    let delete = |id: &str, if_version| Command::DeleteAddress { id: id.into(), if_version };
    assert_eq!(
        world.ask(delete("home", IfVersion::Exact(2))),
        Err(Rejection::VersionMismatch { version: Some(4) })
    );
    assert_eq!(world.ask(delete("home", IfVersion::Exact(4))), Ok(Reply::Done));
    assert_eq!(defaults(&world), ["work"], "the oldest takes over");
    assert_eq!(version(&world, "work"), Some(5));
    assert_eq!(world.ask(delete("home", IfVersion::Any)), Err(Rejection::NotFound));
    for n in 1..ADDRESSES_MAX {
        world.ask(put(&format!("a{n}"), false, IfVersion::Absent)).unwrap();
    }
    assert_eq!(world.ask(put("more", false, IfVersion::Any)), Err(Rejection::AddressBookFull));
    assert_eq!(world.customer.addresses.len(), ADDRESSES_MAX);
}

#[test]
fn an_address_has_a_form() {
    type Spoil = fn(&mut Address);
    let table: &[(&str, Spoil)] = &[
        ("/country unknown_country", |it| it.country = "UK".into()),
        ("/country unknown_country", |it| it.country = "us".into()),
        ("/country unknown_country", |it| it.country = "U".into()),
        ("/country unknown_country", |it| it.country = "AA ".into()),
        ("/region unknown_region", |it| it.region = Some("CA".into())),
        ("/region unknown_region", |it| it.region = Some("US-".into())),
        ("/region unknown_region", |it| it.region = Some("US-ABCD".into())),
        ("/region unknown_region", |it| it.region = Some("US-ca".into())),
        ("/region unknown_region", |it| it.region = Some("CA-ON".into())),
        ("/line2 blank", |it| it.line2 = Some("".into())),
        ("/city control_character", |it| it.city = "a\tb".into()),
        ("/phone too_long", |it| it.phone = Some("1".repeat(33).into())),
        ("/postal_code blank", |it| it.postal_code = "".into()),
    ];
    for (wanted, spoil) in table {
        let mut address = address();
        spoil(&mut address);
        let wrong = address.check().unwrap_err();
        assert_eq!(format!("{} {}", wrong.pointer, wrong.code), *wanted);
    }
    for (country, region) in
        [("US", Some("US-CA")), ("GB", Some("GB-ABE")), ("JP", Some("JP-13")), ("SG", None)]
    {
        let region = region.map(CompactString::new);
        let address = Address { country: country.into(), region, ..address() };
        assert_eq!(address.check(), Ok(()));
    }
    for country in ["AD", "DE", "US", "ZW"] {
        assert!(is_country(country));
    }
}

#[test]
fn the_newest_things_are_remembered() {
    let mut world = World::new();
    let order = |n: u8| OrderRef { affinity: Affinity(7), id: Uuid::from_bytes([n; 16]) };
    for n in 0..50 {
        world.told(Command::RecordOrder { order: order(n), at: world.now });
        world.told(Command::CartOpened { cart: keys::cart(&tenant(), &format!("cart-{n:04}")) });
    }
    let version = world.version;
    world.told(Command::RecordOrder { order: order(49), at: world.now });
    world.told(Command::CartOpened { cart: keys::cart(&tenant(), "cart-0049") });
    assert_eq!(world.version, version, "repeats change nothing");
    let View::Overview(view) = world.query_as(&buyer("ada"), &Query::Overview).unwrap() else {
        panic!("the overview")
    };
    assert_eq!((view.orders.len(), view.n_orders), (ORDERS_KEPT, 50));
    assert_eq!(view.orders[0].order, order(49));
    assert_eq!(view.orders[39].order, order(10));
    assert_eq!(view.carts.len(), CARTS_KEPT);
    assert_eq!(view.carts[0], keys::cart(&tenant(), "cart-0049"));
    assert_eq!(view.me, None, "a guest has no profile");
    assert_eq!(view.orders[0].order.key(tenant()).kind, kinds::ORDER);
}

#[test]
fn a_cart_that_nobody_placed_outlives_those_that_were() {
    let mut world = World::new();
    let cart = |n: usize| keys::cart(&tenant(), &format!("cart-{n:04}"));
    for n in 0..2 * CARTS_KEPT {
        world.told(Command::CartOpened { cart: cart(n) });
        if n > 0 {
            let order = OrderRef { affinity: cart(n).affinity, id: Uuid::from_bytes([7; 16]) };
            world.told(Command::RecordOrder { order, at: world.now });
        }
    }
    let View::Carts(carts) = world.query_as(&buyer("ada"), &Query::Carts).unwrap() else {
        panic!("the carts")
    };
    assert_eq!(carts.len(), CARTS_KEPT);
    assert_eq!((&carts[0], &carts[CARTS_KEPT - 1]), (&cart(2 * CARTS_KEPT - 1), &cart(0)));
}

#[test]
fn another_customer_is_not_there() {
    let mut world = World::registered();
    let eve = buyer("eve");
    assert_eq!(world.query_as(&eve, &Query::Overview), Err(Rejection::NotFound));
    assert_eq!(world.ask_as(&eve, register("Eve", "e@x")), Err(Rejection::NotFound));
    assert_eq!(world.ask_as(&eve, put("home", false, IfVersion::Any)), Err(Rejection::NotFound));
    assert!(world.query_as(&staff(), &Query::Overview).is_ok());
    let clerk = Principal { scopes: Scopes::default(), ..staff() };
    assert_eq!(world.query_as(&clerk, &Query::Me), Err(Rejection::NotFound));
    let agent = Principal { kind: PrincipalKind::Agent, ..eve };
    assert_eq!(world.query_as(&agent, &Query::Me), Err(Rejection::NotFound));
    let forged = Command::CartOpened { cart: keys::cart(&tenant(), "cart-0001") };
    assert_eq!(world.ask(forged), Err(Rejection::WrongSource));
    let (system, from) = (Principal::system(tenant()), key());
    let told = world
        .with(&system, Source::Entity(&from), |ctx| {
            world.customer.decide(ctx, put("home", false, IfVersion::Any))
        })
        .unwrap_err();
    assert_eq!(told, Rejection::WrongSource);
}

fn sign_in(world: &mut World, date: Option<Day>) -> Result<(u32, u32, bool), Rejection> {
    match world.ask(Command::SignIn { date })? {
        Reply::SignedIn { grant, replayed } => Ok((grant.points, grant.streak, replayed)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_day_is_granted_once() {
    let mut world = World::registered();
    assert_eq!(sign_in(&mut world, None), Ok((10, 1, false)));
    let version = world.version;
    world.now = world.now.plus_ms(DAY_MS - 1);
    assert_eq!(sign_in(&mut world, None), Ok((10, 1, true)));
    assert_eq!(world.version, version);
    world.now = world.now.plus_ms(1);
    let today = Day::of(world.now, 0);
    let yesterday = today.yesterday();
    assert_eq!(sign_in(&mut world, Some(yesterday)), Ok((10, 1, true)), "asked before midnight");
    let before = Err(Rejection::NotToday { today });
    assert_eq!(sign_in(&mut world, Some(yesterday.yesterday())), before);
    assert_eq!(sign_in(&mut world, Some(today)), Ok((10, 2, false)));
    assert_eq!(sign_in(&mut world, Some(yesterday)), before, "the newest grant is today's");
    assert_eq!(world.customer.points.balance, 20);
    assert_eq!(world.customer.points.month, 0b11 << 20, "the 21st and the 22nd");
}

#[test]
fn a_streak_goes_round_and_breaks() {
    let mut world = World::registered();
    let mut points = Vec::new();
    for _ in 0..8 {
        points.push(sign_in(&mut world, None).unwrap().0);
        world.now = world.now.plus_ms(DAY_MS);
    }
    assert_eq!(points, [10, 10, 15, 15, 20, 20, 50, 10]);
    world.now = world.now.plus_ms(DAY_MS);
    assert_eq!(sign_in(&mut world, None), Ok((10, 1, false)), "a day was missed");
    world.now = world.now.plus_ms(2 * DAY_MS);
    sign_in(&mut world, None).unwrap();
    let date = world.customer.points.last.unwrap().day.date();
    assert_eq!((date.year, date.month, date.day), (2026, 12, 2));
    assert_eq!(world.customer.points.month, 0b10, "a new month begins empty");
}

#[test]
fn the_accounts_zone_decides_the_day() {
    let mut world = World::new();
    let (name, email) = ("Ada".into(), "a@b".into());
    world.ask(Command::Register { name, email, utc_offset_min: -8 * 60 }).unwrap();
    assert_eq!(sign_in(&mut world, None).unwrap().1, 1);
    assert_eq!(world.customer.points.last.unwrap().day.date().day, 20, "still the 20th there");
    world.now = world.now.plus_ms(8 * 60 * 60 * 1000);
    assert_eq!(sign_in(&mut world, None).unwrap(), (10, 2, false));
    let mut world = World::new();
    assert_eq!(sign_in(&mut world, None), Err(Rejection::NotFound), "no profile, no points");
}

#[test]
fn levels_follow_what_was_earned() {
    for (earned, level) in [
        (0, Level::Standard),
        (499, Level::Standard),
        (500, Level::Silver),
        (1_999, Level::Silver),
        (2_000, Level::Gold),
        (u64::MAX, Level::Gold),
    ] {
        assert_eq!(Level::of(earned), level, "{earned}");
    }
}

#[test]
fn days_have_dates() {
    for (day, year, month, date) in [
        (0, 1970, 1, 1),
        (-1, 1969, 12, 31),
        (11_016, 2000, 2, 29),
        (11_017, 2000, 3, 1),
        (20_778, 2026, 11, 21),
        (47_540, 2100, 2, 28),
        (47_541, 2100, 3, 1),
    ] {
        assert_eq!(Day(day).date(), Date { year, month, day: date }, "{day}");
    }
    assert_eq!(Day::of(START, 0), Day(20_778));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Dates go forward day by day, whatever the day.
    #[test]
    fn a_day_follows_the_day_before(day in -3_000_000..3_000_000i32) {
        let (a, b) = (Day(day).date(), Day(day + 1).date());
        prop_assert!(a < b);
        let next_in_month = b.day == a.day + 1 && (a.year, a.month) == (b.year, b.month);
        let next_month = b.day == 1 && (
            (a.year, a.month + 1) == (b.year, b.month)
                || (a.month, b.month, a.year + 1) == (12, 1, b.year)
        );
        prop_assert!(next_in_month || next_month);
    }

    /// Sign-ins at any times: a day once, the balance is the sum, any instant has a day.
    #[test]
    fn no_day_twice(pauses in prop::collection::vec(0..3 * DAY_MS, 1..60)) {
        let mut world = World::registered();
        let mut days = std::collections::BTreeSet::new();
        let mut sum = 0;
        for pause in pauses {
            world.now = world.now.plus_ms(pause);
            let (points, _, replayed) = sign_in(&mut world, None).unwrap();
            if !replayed {
                sum += u64::from(points);
                prop_assert!(days.insert(Day::of(world.now, 0)));
            }
        }
        prop_assert_eq!(world.customer.points.balance, sum);
        let _ = Day::of(Timestamp::MAX, i16::MAX).date();
    }
}
