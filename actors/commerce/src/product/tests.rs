//! Tables of the product's decisions, its messages, and frozen bytes.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests end at once")]

use std::fmt::Write as _;

use codec::{Stored, pack, unpack};
use entity::{
    Answer, Cause, Context, Decision, Entity, EntityKey, EventContext, Principal, PrincipalKind,
    Scope, Scopes, Source, Tenant, Timestamp,
};
use expect_test::{Expect, ExpectFile, expect, expect_file};

use super::*;
use crate::keys;
use crate::protocol::IfVersion;
use crate::sku;

fn tenant() -> Tenant {
    Tenant::new("demo")
}

fn key() -> EntityKey {
    keys::product(&tenant(), "p1")
}

enum By {
    Caller(PrincipalKind, Scopes),
    Entity(EntityKey),
}

#[derive(Debug)]
struct World {
    product: Product,
    twin: Product,
}

impl World {
    fn new() -> Self {
        let product = Product::initial(&key());
        Self { twin: product.clone(), product }
    }

    fn with<T>(&self, by: &By, f: impl FnOnce(&Context<'_>) -> T) -> T {
        let (source, kind, scopes) = match by {
            By::Caller(kind, scopes) => (Source::Caller, *kind, *scopes),
            By::Entity(key) => (Source::Entity(key), PrincipalKind::System, Scopes::ALL),
        };
        let principal = Principal { tenant: tenant(), subject: "x".into(), kind, scopes };
        let (key, cause, principal) = (key(), Cause::default(), &principal);
        let (now, version) = (Timestamp(1_000_000), self.product.version);
        f(&Context { key: &key, now, version, principal, source, cause: &cause })
    }

    fn tell(&mut self, by: &By, command: Command) -> Result<Decision<Product>, Rejection> {
        let decision = self.with(by, |ctx| self.product.decide(ctx, command))?;
        let key = key();
        for event in &decision.events {
            let version = self.product.version + 1;
            let ctx = EventContext { key: &key, version, at: Timestamp(1_000_000) };
            self.product.evolve(&ctx, event);
            self.twin.evolve(&ctx, &unpack(&pack(event).unwrap()).unwrap());
            assert_eq!(Product::publication(&ctx, event), None);
        }
        assert_eq!(self.product, self.twin, "I3: state is the fold of its events");
        let packed = pack(&self.product).unwrap();
        assert_eq!(unpack::<Product>(&packed).unwrap(), self.product, "I3");
        assert_eq!(self.product.next_deadline(), None);
        Ok(decision)
    }

    fn run(&mut self, line: &str) -> String {
        let (by, words) = line.split_once(": ").unwrap_or(("operator", line));
        let by = match by {
            "operator" => By::Caller(PrincipalKind::Operator, Scopes::ALL),
            "customer" => By::Caller(PrincipalKind::Customer, Scopes::ALL),
            "clerk" => {
                By::Caller(PrincipalKind::Seller, Scopes::default().with(Scope::CatalogueRead))
            }
            name => By::Entity(keys::sku(&tenant(), name)),
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        transcript(self.tell(&by, parse(&words)))
    }
}

fn parse(words: &[&str]) -> Command {
    match *words {
        ["put", title, status, category, if_version] => {
            let status = match status {
                "active" => Status::Active,
                "archived" => Status::Archived,
                other => panic!("no such status: {other}"),
            };
            let if_version = match if_version {
                "any" => IfVersion::Any,
                "absent" => IfVersion::Absent,
                "exists" => IfVersion::Exists,
                version => IfVersion::Exact(version.parse().unwrap()),
            };
            let (title, category) = (title.into(), category.into());
            Command::Put { about: About { title, status, category }, if_version }
        }
        ["link", sku] => Command::LinkSku { sku: sku.into() },
        ["unlink", sku] => Command::UnlinkSku { sku: sku.into() },
        _ => panic!("no such command: {words:?}"),
    }
}

fn transcript(decided: Result<Decision<Product>, Rejection>) -> String {
    let mut out = String::new();
    match decided {
        Ok(decision) => {
            for event in &decision.events {
                let _ = writeln!(out, "  {event:?}");
            }
            for effect in &decision.effects {
                let command: sku::Command = unpack(&effect.command).unwrap();
                let _ = writeln!(out, "  -> {}: {command:?}", effect.to.public("sku"));
            }
            if let Some(Reply::Product(view)) = &decision.reply {
                let ProductView { status, skus, version, .. } = view;
                let _ = writeln!(out, "  = {status:?}, SKUs {skus:?}, version {version}");
            }
        }
        Err(Rejection::Validation { pointer, code, detail: _ }) => {
            let _ = writeln!(out, "  no: {pointer} {code}");
        }
        Err(rejection) => {
            let _ = writeln!(out, "  no: {rejection:?}");
        }
    }
    out
}

/// The lines at the margin are told, the others follow.
fn check(table: Expect) {
    let data = table.data().to_owned();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = || data.lines().filter(|line| !line.trim().is_empty());
    let margin = lines().map(indent).min().unwrap_or(0);
    let mut world = World::new();
    let mut out = String::new();
    for line in lines().filter(|line| indent(line) == margin) {
        let _ = writeln!(out, "{}", line.trim());
        out.push_str(&world.run(line.trim()));
    }
    table.assert_eq(&out);
}

#[test]
fn put_creates_and_changes() {
    check(expect![[r#"
        put Shirt active shirts 1
          no: VersionMismatch { version: 0 }
        put Shirt active shirts exists
          no: VersionMismatch { version: 0 }
        put Shirt active shirts absent
          Put(About { title: "Shirt", status: Active, category: "shirts" })
          = Active, SKUs [], version 1
        put Shirt active shirts absent
          no: VersionMismatch { version: 1 }
        put Shirt active shirts any
          = Active, SKUs [], version 1
        put Shirt active tops 1
          Put(About { title: "Shirt", status: Active, category: "tops" })
          = Active, SKUs [], version 2
        put Shirt active tops 1
          no: VersionMismatch { version: 2 }
        put Shirt active tops exists
          = Active, SKUs [], version 2
        customer: put Shirt active tops any
          no: Forbidden
        clerk: put Shirt active tops any
          no: Forbidden
        s1: put Shirt active tops any
          no: Forbidden
    "#]]);
}

#[test]
fn skus_come_and_go_and_hear_whether_they_are_on_sale() {
    check(expect![[r#"
        s1: link s1
          SkuLinked { sku: "s1" }
          -> s1: SetArchived { archived: false }
        s1: link s1
          -> s1: SetArchived { archived: false }
        s2: link s1
          no: Forbidden
        operator: link s1
          no: Forbidden
        put Shirt archived shirts any
          Put(About { title: "Shirt", status: Archived, category: "shirts" })
          -> s1: SetArchived { archived: true }
          = Archived, SKUs ["s1"], version 2
        s2: link s2
          SkuLinked { sku: "s2" }
          -> s2: SetArchived { archived: true }
        put Shirt archived tops any
          Put(About { title: "Shirt", status: Archived, category: "tops" })
          = Archived, SKUs ["s1", "s2"], version 4
        put Shirt active tops any
          Put(About { title: "Shirt", status: Active, category: "tops" })
          -> s1: SetArchived { archived: false }
          -> s2: SetArchived { archived: false }
          = Active, SKUs ["s1", "s2"], version 5
        s2: unlink s2
          SkuUnlinked { sku: "s2" }
        s2: unlink s2
        s3: unlink s1
          no: Forbidden
        put Shirt archived tops any
          Put(About { title: "Shirt", status: Archived, category: "tops" })
          -> s1: SetArchived { archived: true }
          = Archived, SKUs ["s1"], version 7
    "#]]);
}

#[test]
fn words_are_checked() {
    let mut world = World::new();
    let long = "x".repeat(301);
    for (title, category) in [("", "c"), ("a\u{7}", "c"), (long.as_str(), "c"), ("t", " ")] {
        let (title, category) = (title.into(), category.into());
        let about = About { title, status: Status::Active, category };
        let by = By::Caller(PrincipalKind::Operator, Scopes::ALL);
        let decided = world.tell(&by, Command::Put { about, if_version: IfVersion::Any });
        assert!(matches!(decided, Err(Rejection::Validation { .. })));
    }
}

#[test]
fn the_number_of_skus_is_bounded() {
    let mut world = World::new();
    let link = |world: &mut World, n: usize| {
        let name = format!("sku-{n}");
        let by = By::Entity(keys::sku(&tenant(), &name));
        world.tell(&by, Command::LinkSku { sku: name.into() }).map(|_| ())
    };
    for n in 0..SKUS_MAX {
        link(&mut world, n).unwrap();
    }
    assert_eq!(link(&mut world, SKUS_MAX), Err(Rejection::TooManySkus));
    assert_eq!(link(&mut world, 0), Ok(()), "a repeat is not one more");
    assert!(world.product.heap_bytes() < 100_000);
}

#[test]
fn everyone_sees_a_product_once_it_is_put() {
    let mut world = World::new();
    world.run("s1: link s1");
    let customer = By::Caller(PrincipalKind::Customer, Scopes::default());
    let ask = |world: &World| world.with(&customer, |ctx| world.product.query(ctx, &Query::Get));
    assert_eq!(ask(&world), Answer::Rejected(Rejection::NotFound));
    world.run("put Shirt active shirts any");
    let view = ProductView {
        id: "p1".into(),
        title: "Shirt".into(),
        status: Status::Active,
        category: "shirts".into(),
        skus: vec!["s1".into()],
        version: 2,
    };
    assert_eq!(ask(&world), Answer::Ready(View::Product(view)));
}

fn frozen<T: Stored + PartialEq + std::fmt::Debug>(samples: &[T], file: &ExpectFile) {
    let mut text = String::new();
    for sample in samples {
        let packed = pack(sample).unwrap();
        assert_eq!(unpack::<T>(&packed).unwrap(), *sample);
        let name: String =
            format!("{sample:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
        let _ = write!(text, "{name} {:04x}.{} ", packed.type_id, packed.version);
        for byte in &packed.bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    file.assert_eq(&text);
}

/// A change of these files is a change of what is on disk: it needs a new version and an upcast.
#[test]
fn stored_types_are_frozen() {
    let lines = [
        "put Shirt archived shirts 7",
        "link s1",
        "unlink s1",
        "put Shirt archived shirts any",
        "put Shirt archived shirts absent",
        "put Shirt archived shirts exists",
    ];
    let commands = lines.map(|line| parse(&line.split(' ').collect::<Vec<_>>()));
    frozen(&commands, &expect_file!["./golden/command.hex"]);
    let Command::Put { about, .. } = commands[0].clone() else { panic!("the first one puts") };
    let sku = CompactString::new("s1");
    let events =
        [Event::Put(about), Event::SkuLinked { sku: sku.clone() }, Event::SkuUnlinked { sku }];
    let place = |event: &Event| match event {
        Event::Put(_) => 0,
        Event::SkuLinked { .. } => 1,
        Event::SkuUnlinked { .. } => 2,
    };
    assert_eq!(events.iter().map(place).collect::<Vec<_>>(), [0, 1, 2]);
    frozen(&events, &expect_file!["./golden/event.hex"]);
    let mut world = World::new();
    world.run("s1: link s1");
    world.run("put Shirt archived shirts any");
    frozen(&[World::new().product, world.product.clone()], &expect_file!["./golden/state.hex"]);
    let view = world.product.view().unwrap();
    frozen(&[Reply::Product(view.clone())], &expect_file!["./golden/reply.hex"]);
    frozen(&[View::Product(view)], &expect_file!["./golden/view.hex"]);
    frozen(&[Query::Get], &expect_file!["./golden/query.hex"]);
    let rejections = [
        Rejection::NotFound,
        Rejection::Forbidden,
        Rejection::VersionMismatch { version: 7 },
        Rejection::Validation { pointer: "/title".into(), code: "c".into(), detail: "d".into() },
        Rejection::TooManySkus,
    ];
    frozen(&rejections, &expect_file!["./golden/rejection.hex"]);
}
