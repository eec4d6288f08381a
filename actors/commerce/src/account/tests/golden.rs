//! Frozen bytes: every stored type, every variant. A change of these files is a change of what is
//! on disk: it needs a new version and an upcast.

use codec::Stored;
use expect_test::{ExpectFile, expect_file};

use super::*;

fn check<T: Stored + PartialEq + std::fmt::Debug>(samples: &[T], file: &ExpectFile) {
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

#[test]
fn commands_are_frozen() {
    let lines = [
        "open 100000",
        "hold a 600",
        "hold a 600 60",
        "post a",
        "post a 5",
        "void a",
        "credit r1 200",
    ];
    let commands: Vec<Command> = lines
        .iter()
        .map(|line| parse(&line.split(' ').collect::<Vec<_>>(), Timestamp(1_000_000)))
        .collect();
    let place = |command: &Command| match command {
        Command::Open { .. } => 0,
        Command::Hold { .. } => 1,
        Command::HoldUntil { .. } => 2,
        Command::Post { .. } => 3,
        Command::PostPart { .. } => 4,
        Command::Void { .. } => 5,
        Command::Credit { .. } => 6,
    };
    assert_eq!(commands.iter().map(place).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
    check(&commands, &expect_file!["../golden/command.hex"]);
}

#[test]
fn events_are_frozen() {
    let entry_id = id("a");
    let events = [
        Event::Opened { grant: usd(100_000) },
        Event::Pended {
            entry_id,
            owner: Owner::of(&owner("o1")),
            amount: 600,
            expires_at: Timestamp(1_060_000),
        },
        Event::Posted { entry_id, amount: 600 },
        Event::Voided { entry_id },
        Event::Expired { entry_ids: vec![entry_id, id("b")] },
        Event::Credited { entry_id: id("r1"), amount: 200 },
    ];
    let place = |event: &Event| match event {
        Event::Opened { .. } => 0,
        Event::Pended { .. } => 1,
        Event::Posted { .. } => 2,
        Event::Voided { .. } => 3,
        Event::Expired { .. } => 4,
        Event::Credited { .. } => 5,
    };
    assert_eq!(events.iter().map(place).collect::<Vec<_>>(), (0..6).collect::<Vec<_>>());
    check(&events, &expect_file!["../golden/event.hex"]);
}

#[test]
fn all_else_is_frozen() {
    let mut world = World::new();
    for line in [
        "customer: open 1000",
        "hold a 600",
        "post a",
        "credit r1 200",
        "hold b 5 60",
        "hold c 9",
        "void c",
    ] {
        world.step(line).unwrap();
    }
    check(&[World::new().account, world.account.clone()], &expect_file!["../golden/state.hex"]);
    let view = world.account.view().unwrap();
    check(&[Reply::Balance(view)], &expect_file!["../golden/reply.hex"]);
    check(&[View::Balance(view)], &expect_file!["../golden/view.hex"]);
    check(&[Query::Balance], &expect_file!["../golden/query.hex"]);
    let rejections = [
        Rejection::NotFound,
        Rejection::Forbidden,
        Rejection::CurrencyMismatch,
        Rejection::BadAmount,
        Rejection::EntryTaken { entry_id: id("a") },
        Rejection::TooManyPending,
    ];
    check(&rejections, &expect_file!["../golden/rejection.hex"]);
}
