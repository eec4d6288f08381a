//! Random walks of carts: edits, merges, placings and messages in any order.
//!
//! The world checks I3 after every step; here: no unit is lost or made in a merge, and no cart
//! has two living orders (I12).

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::order::Stage;

#[derive(Debug, Clone)]
enum Act {
    Put { cart: u8, sku: u8, qty: u8 },
    Delete { cart: u8, sku: u8 },
    Merge { to: u8, from: u8 },
    Place { cart: u8 },
    Cancel { cart: u8 },
    Deliver { stream: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..4u8, 0..3u8, 1..4u8).prop_map(|(cart, sku, qty)| Act::Put { cart, sku, qty }),
        1 => (0..4u8, 0..3u8).prop_map(|(cart, sku)| Act::Delete { cart, sku }),
        3 => (0..4u8, 0..4u8).prop_map(|(to, from)| Act::Merge { to, from }),
        1 => (0..4u8).prop_map(|cart| Act::Place { cart }),
        1 => (0..4u8).prop_map(|cart| Act::Cancel { cart }),
        9 => any::<u8>().prop_map(|stream| Act::Deliver { stream }),
    ]
}

const SKUS: [&str; 3] = ["a", "b", "c"];

/// Two carts of the guest (0, 1) and two of ada (2, 3).
fn cart(n: u8) -> (EntityKey, Principal) {
    let by = if n < 2 { guest("g1") } else { buyer("ada") };
    (keys::cart(&tenant(), &format!("cart-number-{n}")), by)
}

struct Walk {
    world: World,
    orders: Vec<(EntityKey, EntityKey)>,
    /// Units that were put in and not taken out again.
    wanted: i64,
}

impl Walk {
    fn lines(&mut self, n: u8) -> Vec<CartLine> {
        let state: Cart = self.world.state(&cart(n).0);
        state.body.unwrap().content.lines
    }

    /// Units in all carts.
    fn units(&mut self) -> i64 {
        let lines = (0..4).flat_map(|n| self.lines(n));
        lines.map(|line| i64::from(line.qty.get())).sum()
    }

    fn qty(&mut self, n: u8, sku: &str) -> i64 {
        let lines = self.lines(n);
        let line = lines.iter().find(|line| line.sku == sku);
        line.map_or(0, |line| i64::from(line.qty.get()))
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Put { cart: n, sku, qty } => {
                let ((key, by), sku) = (cart(*n), SKUS[usize::from(*sku)]);
                let before = self.qty(*n, sku);
                let qty = u32::from(*qty).try_into().unwrap();
                let put = Command::PutLine { sku: sku.into(), qty, if_version: IfVersion::Any };
                if self.world.ask::<Cart>(&by, &key, &put).is_ok() {
                    self.wanted += i64::from(qty.get()) - before;
                }
            }
            Act::Delete { cart: n, sku } => {
                let ((key, by), sku) = (cart(*n), SKUS[usize::from(*sku)]);
                let before = self.qty(*n, sku);
                let delete = Command::DeleteLine { sku: sku.into(), if_version: IfVersion::Any };
                if self.world.ask::<Cart>(&by, &key, &delete).is_ok() {
                    self.wanted -= before;
                }
            }
            Act::Merge { to, from } => {
                let ((key, by), guest) = (cart(*to), "g1".into());
                let merge = if key == cart(*from).0 {
                    Command::Merge { from: cart(*from).0, guest }
                } else {
                    let lines = self.lines(*from);
                    Command::MergeSeen { from: cart(*from).0, guest, lines }
                };
                let _ = self.world.ask::<Cart>(&by, &key, &merge);
            }
            Act::Place { cart: n } => {
                let (key, by) = cart(*n);
                let place = Command::Place(Box::new(self.world.place_command(&key)));
                if let Ok(Reply::Placed { order, .. }) = self.world.ask::<Cart>(&by, &key, &place) {
                    self.orders.push((key, order));
                }
            }
            Act::Cancel { cart: n } => {
                let key = cart(*n).0;
                let newest = self.orders.iter().rev().find(|(cart, _)| *cart == key).cloned();
                if let Some((_, order)) = newest {
                    let (lines, if_version) = (Vec::new(), IfVersion::Any);
                    let cancel = crate::order::Command::Cancel { lines, if_version };
                    let _ = self.world.ask::<Order>(&staff(), &order, &cancel);
                }
            }
            Act::Deliver { stream } => {
                let pending = self.world.pending();
                if let Some(at) = usize::from(*stream).checked_rem(pending.len()) {
                    self.world.deliver(pending[at]);
                }
            }
        }
    }

    fn check(mut self) -> Result<(), TestCaseError> {
        self.world.run();
        prop_assert_eq!(self.units(), self.wanted, "units are where they were put or merged to");
        self.orders.sort();
        self.orders.dedup();
        for n in 0..4 {
            let key = cart(n).0;
            let orders = self.orders.iter().filter(|(cart, _)| *cart == key);
            let mut living = 0;
            for (_, order) in orders.cloned().collect::<Vec<_>>() {
                living += i32::from(self.world.stage(&order) != Stage::Cancelled);
            }
            let state: Cart = self.world.state(&key);
            let status = state.body.unwrap().status;
            prop_assert!(living <= 1, "I12");
            match status {
                Status::Open => prop_assert_eq!(living, 0),
                Status::Frozen => prop_assert_eq!(living, 1),
                // Cancelled after it was confirmed, perhaps: it stays ordered.
                Status::Ordered => {}
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_unit_is_lost_and_no_order_doubled(acts in prop::collection::vec(act(), 1..80)) {
        let mut walk = Walk { world: World::stocked(1_000), orders: Vec::new(), wanted: 0 };
        for n in 0..4 {
            let (key, by) = cart(n);
            put(&mut walk.world, &by, &key, content(&[]), IfVersion::Any).unwrap();
        }
        walk.world.run();
        for act in &acts {
            walk.act(act);
        }
        walk.check()?;
    }
}
