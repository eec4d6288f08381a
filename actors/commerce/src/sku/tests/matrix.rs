//! Every state of a SKU and of a hold, against every command: a row, or a clean refusal.

use std::fmt::Write as _;

use entity::{Bounce, BounceReason, PrincipalKind, Scopes};
use expect_test::expect_file;

use super::*;

/// States by name, with the lines that lead there from a stocked SKU (or, marked, a fresh one).
const STATES: [(&str, &[&str]); 23] = [
    ("fresh", &[]),
    ("fresh, put", &["put p1"]),
    ("fresh, stock but no price", &["put p1", "adjust main +5 receipt"]),
    ("no hold", &[]),
    ("archived", &["product: archive yes"]),
    ("held", &["hold a 2 3"]),
    ("held, archived", &["hold a 2 3", "product: archive yes"]),
    ("held, overdue", &["hold a 2 3 ttl=60", "after 60"]),
    ("pinned", &["hold a 2 3", "pin a 2"]),
    ("pinned, old", &["hold a 2 3", "pin a 2", "after 601"]),
    ("unpinned", &["hold a 2 3", "pin a 2", "unpin a 60"]),
    ("committed", &["hold a 2 3 commit"]),
    ("committed, partly shipped", &["hold a 2 3 commit", "ship a s1 main 1"]),
    ("growing", &["hold a 1 3 commit", "hold a 2 2"]),
    ("growing, pinned", &["hold a 1 3 commit", "hold a 2 2", "pin a 2"]),
    ("growth expired", &["hold a 1 3 commit", "hold a 2 2 ttl=60", "after 60", "wake"]),
    ("growth released", &["hold a 1 3 commit", "hold a 2 2", "release a 2"]),
    ("expired", &["hold a 2 3 ttl=60", "after 60", "wake"]),
    ("released", &["hold a 2 3", "release a 2"]),
    ("consumed", &["hold a 2 3 commit", "ship a s1 main 3"]),
    ("consumed, one back", &["hold a 2 3 commit", "ship a s1 main 3", "restock a r1 main 1 good"]),
    ("restocked", &["hold a 2 3 commit", "restock a r1 main 3 good"]),
    ("transferred", &["hold a 2 3", "transfer a o2"]),
];

const COMMANDS: [&str; 41] = [
    "put p1",
    "put p2",
    "put p1 if=absent",
    "price 5",
    "price 5 if=absent",
    "policy main 0 0",
    "policy main 9 9 if=1",
    "policy main 9 9 if=0",
    "adjust main +1 found",
    "adjust main -99 lost",
    "count main 0",
    "product: archive yes",
    "product: archive no",
    "hold a 1 1",
    "hold a 2 1",
    "hold a 3 1",
    "hold a 3 1 commit",
    "hold a 3 99",
    "hold a 3 1 pv=0",
    "hold b 1 1",
    "pin a 1",
    "pin a 2",
    "pin a 3",
    "unpin a 9",
    "commit a",
    "release a 1",
    "release a 2",
    "release a 3",
    "transfer a o2",
    "transfer a o3",
    "ship a s1 main 1",
    "ship a s2 main 1",
    "ship a s2 main 99",
    "restock a r1 main 1 good",
    "restock a r2 main 1 good",
    "restock a r2 main 1 bad",
    "restock a r2 main 99 good",
    "restock a r2 new 1 good",
    "status a keep",
    "status a drop",
    "wake",
];

fn world(name: &str, lines: &[&str]) -> World {
    let mut world = if name.starts_with("fresh") { World::new() } else { World::stocked(10) };
    for line in lines {
        let told = world.run(line);
        assert!(!told.contains("no:"), "{name}: {line}: {told}");
    }
    world
}

/// The first word of a debug text: the variant.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

fn outcome(decided: &Result<Decision<Sku>, Rejection>) -> String {
    match decided {
        Err(rejection) => format!("no: {}", variant(rejection)),
        Ok(decision) => {
            let mut words: Vec<String> = decision.events.iter().map(variant).collect();
            words.extend(decision.effects.iter().map(|effect| {
                if effect.to.kind == kinds::ORDER {
                    format!("-> {}", variant(&heard(effect)))
                } else {
                    let command = unpack::<crate::product::Command>(&effect.command).unwrap();
                    format!("-> {}", variant(&command))
                }
            }));
            words.extend(decision.reply.iter().map(|reply| format!("= {}", variant(reply))));
            if words.is_empty() { "-".into() } else { words.join(" ") }
        }
    }
}

#[test]
fn every_state_takes_every_command() {
    let mut table = String::new();
    for (name, lines) in STATES {
        let _ = writeln!(table, "{name}");
        let state = world(name, lines);
        for line in COMMANDS {
            let mut world = state.clone();
            let decided = world.step(line);
            if decided.is_err() {
                assert_eq!(world.sku, state.sku, "a rejection changes nothing");
            }
            let _ = writeln!(table, "  {line:<26} {}", outcome(&decided));
        }
    }
    expect_file!["./matrix.txt"].assert_eq(&table);
}

#[test]
fn commands_that_come_by_the_wrong_way_are_forbidden() {
    let product = keys::product(&tenant(), "p1");
    let wrong_for_owners = [
        operator(),
        By::Caller(PrincipalKind::Customer, Scopes::ALL),
        By::Entity(product.clone()),
        By::Entity(keys::sku(&tenant(), "demo-002")),
        who("stranger"),
        By::Timer,
    ];
    let wrong_for_staff = [
        By::Caller(PrincipalKind::Customer, Scopes::ALL),
        By::Caller(PrincipalKind::Guest, Scopes::ALL),
        By::Caller(PrincipalKind::Agent, Scopes::ALL),
        By::Caller(PrincipalKind::Operator, Scopes::default()),
        By::Entity(owner("o1")),
        By::Entity(product),
        By::Timer,
    ];
    for (name, lines) in STATES {
        let mut world = world(name, lines);
        for line in COMMANDS.iter().filter(|line| !line.contains("archive") && **line != "wake") {
            let words: Vec<&str> = line.split_whitespace().collect();
            let command = parse(&words, &world.sku);
            let wrong = if is_staffs(&command) { &wrong_for_staff[..] } else { &wrong_for_owners };
            for by in wrong {
                let decided = world.tell(by, command.clone());
                assert_eq!(decided.err(), Some(Rejection::Forbidden), "{name}: {by:?}: {line}");
            }
        }
    }
}

#[test]
fn only_its_product_takes_it_off_sale() {
    let archive = Command::SetArchived { archived: true };
    for by in [operator(), By::Timer] {
        let decided = World::stocked(1).tell(&by, archive.clone());
        assert_eq!(decided.err(), Some(Rejection::Forbidden));
    }
    for key in [keys::product(&tenant(), "p2"), owner("o1")] {
        let decision = World::stocked(1).tell(&By::Entity(key), archive.clone()).unwrap();
        assert!(decision.events.is_empty(), "a product that it left has nothing to say");
    }
}

#[test]
fn a_bounce_changes_nothing_in_any_state() {
    for (name, lines) in STATES {
        let world = world(name, lines);
        let question = StockReply::OwnerStatusAsked { hold_id: id("a") };
        let sent = answer::tell(owner("o1"), &world.sku.code, question);
        let (from, reason) = (owner("o1"), BounceReason::Quarantined);
        let bounce = Bounce { from: &from, command: &sent.command, reason: &reason };
        let decision = world.with(&By::Entity(from.clone()), |ctx| world.sku.bounced(ctx, &bounce));
        assert!(decision.events.is_empty() && decision.effects.is_empty(), "{name}");
    }
}
