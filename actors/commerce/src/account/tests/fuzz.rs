//! Random scripts against a plain model: balances by entry, nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default)]
struct Model {
    available: i64,
    pending: BTreeMap<Uuid, i64>,
    /// Entries that are settled, by the answer that their first settlement got.
    settled: BTreeMap<Uuid, &'static str>,
}

impl Model {
    /// What an order hears; `None`: a rejection.
    fn tell(&mut self, command: &Command) -> Option<&'static str> {
        match *command {
            Command::Open { .. } => None,
            Command::Hold { entry_id, amount } | Command::HoldUntil { entry_id, amount, .. } => {
                if self.pending.contains_key(&entry_id) {
                    Some("Held")
                } else if let Some(settled) = self.settled.get(&entry_id) {
                    (*settled != "Credited").then_some(settled)
                } else if amount.minor > self.available {
                    Some("Refused")
                } else {
                    self.available -= amount.minor;
                    self.pending.insert(entry_id, amount.minor);
                    Some("Held")
                }
            }
            Command::Post { entry_id } => self.settle(entry_id, None, "Posted"),
            Command::PostPart { entry_id, amount } => {
                let most = self.pending.get(&entry_id).copied();
                if most.is_some_and(|most| amount.minor > most) {
                    return None;
                }
                self.settle(entry_id, Some(amount.minor), "Posted")
            }
            Command::Void { entry_id } => self.settle(entry_id, Some(0), "Voided"),
            Command::Credit { entry_id, amount } => {
                if self.pending.contains_key(&entry_id) {
                    return None;
                }
                let settled = *self.settled.entry(entry_id).or_insert_with(|| {
                    self.available += amount.minor;
                    "Credited"
                });
                (settled == "Credited").then_some(settled)
            }
        }
    }

    fn settle(
        &mut self,
        entry_id: Uuid,
        spent: Option<i64>,
        word: &'static str,
    ) -> Option<&'static str> {
        match self.pending.remove(&entry_id) {
            Some(amount) => {
                self.available += amount - spent.unwrap_or(amount);
                self.settled.insert(entry_id, word);
                Some(word)
            }
            None => match self.settled.get(&entry_id) {
                Some(&"Credited") => None,
                Some(settled) => Some(settled),
                None => Some("Voided"),
            },
        }
    }
}

fn line() -> impl Strategy<Value = String> {
    let entry = prop_oneof![Just("a"), Just("b"), Just("c"), Just("r1"), Just("r2")];
    (entry, 1..700i64, 1..90u64, 0..9u32).prop_map(|(entry, amount, secs, which)| match which {
        0 | 1 => format!("hold {entry} {amount}"),
        2 => format!("hold {entry} {amount} {secs}"),
        3 => format!("post {entry}"),
        4 => format!("post {entry} {amount}"),
        5 => format!("void {entry}"),
        6 => format!("credit {entry} {amount}"),
        _ => format!("after {secs}"),
    })
}

fn word(decision: &Decision<Account>) -> String {
    let text = format!("{:?}", heard(&decision.effects[0]));
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #[test]
    fn account_and_model_agree(lines in proptest::collection::vec(line(), 1..60)) {
        let mut world = World::new();
        let mut model = Model { available: 1000, ..Model::default() };
        world.step("customer: open 1000").unwrap();
        for line in lines {
            if line.starts_with("after") {
                world.run(&line);
                for effect in world.wake().effects {
                    let AccountReply::Voided { entry_id } = heard(&effect) else {
                        panic!("what expires is void");
                    };
                    model.settle(entry_id, Some(0), "Voided");
                }
            } else {
                let command = parse(&line.split(' ').collect::<Vec<_>>(), world.now);
                let wanted = model.tell(&command).map(str::to_owned);
                let heard = world.tell(&By::Entity(owner("o1")), command).ok();
                prop_assert_eq!(heard.as_ref().map(word), wanted, "{}", line);
            }
            prop_assert_eq!(world.account.ledger.of(Side::Available), model.available);
            let pending: i64 = model.pending.values().sum();
            prop_assert_eq!(world.account.ledger.of(Side::Pending), pending);
        }
    }
}
