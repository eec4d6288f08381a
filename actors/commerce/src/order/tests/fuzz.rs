//! Random walks: several orders over scarce stock, messages in any order between streams, time,
//! people and faults at any moment; then faults stop and everything must end (I11) and add up.

use std::cell::Cell;
use std::rc::Rc;

use entity::{BounceReason, EntityKey};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::world::{Fate, World, buyer, staff, tenant, usd};
use crate::order::*;
use crate::protocol::IfVersion;
use crate::shipment::{self, Shipment};
use crate::{keys, kinds};

/// What happens next. Numbers pick among what there is.
#[derive(Debug, Clone)]
enum Act {
    Place { lines: u8, tender: u8 },
    Deliver { stream: u8, n: u8 },
    Pass { ms: u64 },
    Cancel { order: u8 },
    CancelLine { order: u8, line: u8, qty: u8 },
    Freeze { order: u8 },
    Release { order: u8, cancel: bool },
    Receipt { order: u8 },
    Dispatch { order: u8, parcel: u8 },
    Track { order: u8, parcel: u8, event: u8, delivered: bool },
    Cod { order: u8, parcel: u8, refused: bool },
    Stock { sku: u8, delta: i8 },
    Faults { every: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    let any8 = any::<u8>;
    prop_oneof![
        3 => (any8(), any8()).prop_map(|(lines, tender)| Act::Place { lines, tender }),
        9 => (any8(), 1..12u8).prop_map(|(stream, n)| Act::Deliver { stream, n }),
        2 => prop_oneof![1..20_000u64, 1..4_000_000u64, 1..900_000_000u64]
            .prop_map(|ms| Act::Pass { ms }),
        2 => any8().prop_map(|order| Act::Cancel { order }),
        2 => (any8(), any8(), 1..4u8)
            .prop_map(|(order, line, qty)| Act::CancelLine { order, line, qty }),
        1 => any8().prop_map(|order| Act::Freeze { order }),
        1 => (any8(), any::<bool>()).prop_map(|(order, cancel)| Act::Release { order, cancel }),
        1 => any8().prop_map(|order| Act::Receipt { order }),
        4 => (any8(), any8()).prop_map(|(order, parcel)| Act::Dispatch { order, parcel }),
        3 => (any8(), any8(), 0..4u8, any::<bool>()).prop_map(|(order, parcel, event, delivered)| {
            Act::Track { order, parcel, event, delivered }
        }),
        3 => (any8(), any8(), any::<bool>())
            .prop_map(|(order, parcel, refused)| Act::Cod { order, parcel, refused }),
        1 => (any8(), -4..5i8).prop_map(|(sku, delta)| Act::Stock { sku, delta }),
        1 => (0..12u8).prop_map(|every| Act::Faults { every }),
    ]
}

const SKUS: [&str; 3] = ["a", "b", "c"];
const WALLET: i64 = 9_000;

struct Walk {
    world: World,
    orders: Vec<EntityKey>,
    wallet: EntityKey,
    n_carts: usize,
    /// Every n-th message is not taken; 0: none.
    faults: Rc<Cell<u8>>,
    received: [i64; 3],
}

impl Walk {
    fn new() -> Self {
        let mut world = World::new();
        for sku in SKUS {
            world.stock(sku, "east", 3);
            world.stock(sku, "west", 3);
        }
        let wallet = world.wallet(WALLET);
        let faults = Rc::new(Cell::new(0u8));
        let (every, n) = (Rc::clone(&faults), Cell::new(0u32));
        world.judge(move |message| {
            n.set(n.get() + 1);
            let hit = every.get() > 0 && n.get().is_multiple_of(u32::from(every.get()) + 1);
            // An order that is told something by a SKU or an account hears it: those do not ask
            // again. What they said stands in their own journal and reaches it from there.
            let is_answer = message.to.kind == kinds::ORDER
                && matches!(message.from.kind, kinds::SKU | kinds::ACCOUNT | kinds::NUMBERS);
            let is_stock_link = message.to.kind == kinds::PRODUCT;
            if hit && !is_answer && !is_stock_link {
                Fate::Bounces(|| BounceReason::DeadLetter)
            } else {
                Fate::Arrives
            }
        });
        Self { world, orders: Vec::new(), wallet, n_carts: 0, faults, received: [6; 3] }
    }

    /// A placed order, by number.
    fn order(&mut self, n: u8) -> Option<EntityKey> {
        let n_orders = self.orders.len();
        let key = self.orders.get(usize::from(n).checked_rem(n_orders)?)?.clone();
        let state: Order = self.world.state(&key);
        state.body.map(|_| key)
    }

    fn parcel(&mut self, order: u8, parcel: u8) -> Option<EntityKey> {
        let order = self.order(order)?;
        let n_parcels = self.world.order_body(&order).parcels.len();
        let index = usize::from(parcel).checked_rem(n_parcels)?;
        Some(self.world.shipment(&order, index))
    }

    fn place(&mut self, lines: u8, tender: u8) {
        let picked: Vec<(&str, u32)> = SKUS
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| lines >> bit & 1 == 1)
            .map(|(bit, sku)| (sku, 1 + u32::from(lines >> (3 + bit) & 1)))
            .collect();
        if picked.is_empty() {
            return;
        }
        let tenders = match tender % 4 {
            0 | 1 => vec![Tender::Cod],
            2 => vec![Tender::Wallet { amount: usd(100_000) }],
            _ => vec![Tender::Wallet { amount: usd(300) }, Tender::Gateway],
        };
        self.n_carts += 1;
        let cart = self.world.cart(&format!("cart-{:06}", self.n_carts), &picked, &tenders);
        let order = self.world.place(&cart);
        self.orders.push(order);
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Place { lines, tender } => self.place(*lines, *tender),
            Act::Deliver { stream, n } => {
                for _ in 0..*n {
                    let pending = self.world.pending();
                    if let Some(at) = usize::from(*stream).checked_rem(pending.len()) {
                        self.world.deliver(pending[at]);
                    }
                }
            }
            Act::Pass { ms } => {
                // Deadlines fire while streams may stay where they are, but not for days: a SKU
                // remembers for a day what it was told.
                if *ms < 60 * 60 * 1000 {
                    self.world.now = self.world.now.plus_ms(*ms);
                    self.world.wake();
                } else {
                    self.world.pass(*ms);
                }
            }
            Act::Cancel { order } => {
                if let Some(order) = self.order(*order) {
                    let _ = self.world.cancel(&order, &[]);
                }
            }
            Act::CancelLine { order, line, qty } => {
                if let Some(order) = self.order(*order) {
                    let line = format!("{}", line % 3 + 1);
                    let _ = self.world.cancel(&order, &[(&line, u32::from(*qty))]);
                }
            }
            Act::Freeze { order } => self.staff(*order, Command::PutOnHold { note: "x".into() }),
            Act::Release { order, cancel } => {
                let decided = if *cancel { Decided::Cancel } else { Decided::Resume };
                self.staff(*order, Command::Release { decided, note: "x".into() });
            }
            Act::Receipt { order } => {
                if let Some(order) = self.order(*order) {
                    let receipt = Command::ConfirmReceipt { if_version: IfVersion::Any };
                    let _ = self.world.ask::<Order>(&buyer("ada"), &order, &receipt);
                }
            }
            Act::Dispatch { .. } | Act::Track { .. } | Act::Cod { .. } => self.ship(act),
            Act::Stock { sku, delta } => {
                let index = usize::from(*sku) % SKUS.len();
                let key = keys::sku(&tenant(), SKUS[index]);
                let adjust = crate::sku::Command::Adjust {
                    location: "east".into(),
                    change: crate::sku::Change::Delta(i64::from(*delta)),
                    reason: "count".into(),
                };
                if self.world.ask::<crate::sku::Sku>(&staff(), &key, &adjust).is_ok() {
                    self.received[index] += i64::from(*delta);
                }
            }
            Act::Faults { every } => self.faults.set(*every),
        }
    }

    /// Asks for all that one can wait for, as the buyer and as a stranger: the world looks whether
    /// a query waits exactly where its answer would be "not yet".
    fn ask(&mut self) {
        let queries = [Query::Settled, Query::CancelSettled, Query::Newer { than_version: 3 }];
        for (order, who) in self.orders.iter().flat_map(|it| [(it, "ada"), (it, "bob")]) {
            for query in &queries {
                drop(self.world.query::<Order>(&buyer(who), order, query));
            }
        }
    }

    fn staff(&mut self, order: u8, command: Command) {
        if let Some(order) = self.order(order) {
            let _ = self.world.ask::<Order>(&staff(), &order, &command);
        }
    }

    fn ship(&mut self, act: &Act) {
        let (order, parcel, command) = match act {
            Act::Dispatch { order, parcel } => {
                let (carrier, tracking_number) = ("post".into(), "T".into());
                (order, parcel, shipment::Command::Dispatch { carrier, tracking_number })
            }
            Act::Track { order, parcel, event, delivered } => {
                let status = if *delivered {
                    shipment::TrackingStatus::Delivered
                } else {
                    shipment::TrackingStatus::InTransit
                };
                let event_id = format!("e{event}").into();
                (order, parcel, shipment::Command::Track { event_id, status, at: self.world.now })
            }
            Act::Cod { order, parcel, refused } => {
                let Some(key) = self.parcel(*order, *parcel) else { return };
                let state: Shipment = self.world.state(&key);
                let due = state.body.and_then(|body| body.cod).map_or(0, |cod| cod.due.minor);
                let (result, amount) = if *refused {
                    (shipment::CodResult::Refused, 0)
                } else {
                    (shipment::CodResult::Collected, due)
                };
                let event_id = "cod".into();
                let amount = usd(amount);
                (order, parcel, shipment::Command::Cod { event_id, result, amount, receipt: None })
            }
            _ => return,
        };
        if let Some(key) = self.parcel(*order, *parcel) {
            let _ = self.world.ask::<Shipment>(&staff(), &key, &command);
        }
    }

    /// Faults stop; people do their work; time passes until nothing is open.
    fn finish(&mut self) {
        self.faults.set(0);
        self.world.run();
        // An order that could not be told to begin is none: its cart is free.
        let mut placed = Vec::new();
        for order in std::mem::take(&mut self.orders) {
            let state: Order = self.world.state(&order);
            placed.extend(state.body.map(|_| order));
        }
        self.orders = placed;
        for _ in 0..12 {
            self.world.pass(2 * 60 * 60 * 1000);
            for order in self.orders.clone() {
                self.settle(&order);
            }
        }
        self.world.pass(60 * 24 * 60 * 60 * 1000);
    }

    /// Staff resumes what is on hold, sends what waits and collects what is due.
    fn settle(&mut self, order: &EntityKey) {
        let body = self.world.order_body(order);
        if body.on_hold.is_some() {
            // What cannot go on (stock that is gone for good) is cancelled at the second look.
            let note = compact_str::CompactString::new("x");
            let decided = if body.held_again { Decided::Cancel } else { Decided::Resume };
            let command = Command::Release { decided, note: note.clone() };
            if self.world.ask::<Order>(&staff(), order, &command).is_err() {
                let resume = Command::Release { decided: Decided::Resume, note };
                let _ = self.world.ask::<Order>(&staff(), order, &resume);
            }
            self.world.run();
        }
        for index in 0..self.world.order_body(order).parcels.len() {
            let key = self.world.shipment(order, index);
            let (carrier, tracking_number) = ("post".into(), "T".into());
            let dispatch = shipment::Command::Dispatch { carrier, tracking_number };
            let _ = self.world.ask::<Shipment>(&staff(), &key, &dispatch);
            self.world.run();
            let _ = self.world.track(&key, "end", shipment::TrackingStatus::Delivered);
            let state: Shipment = self.world.state(&key);
            if let Some(cod) = state.body.and_then(|body| body.cod) {
                let _ = self.world.collect(&key, "end-cod", cod.due.minor);
            }
        }
    }

    /// Every order ended; every unit and every cent is where it belongs.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let mut out = [0i64; 3];
        let mut spent = 0;
        for key in self.orders.clone() {
            let body = self.world.order_body(&key);
            let line_out: Vec<i64> = body
                .parcels
                .iter()
                .filter(|parcel| parcel.phase.has_left())
                .flat_map(|parcel| &parcel.lines)
                .map(|line| i64::from(line.qty))
                .collect();
            let is_short = body.parcels.iter().any(|parcel| parcel.phase == ParcelPhase::Pending);
            prop_assert!(
                body.stage.is_terminal() || (is_short && body.on_hold.is_none()),
                "I11: {:?} on hold {:?}",
                body.stage,
                body.on_hold
            );
            prop_assert!(body.open.is_empty(), "everything given back: {:?}", body.open);
            for (line, priced) in body.lines.iter().zip(&body.terms.priced.lines) {
                let index = SKUS.iter().position(|sku| priced.sku == **sku).expect("a known SKU");
                out[index] += i64::from(line.shipped);
                let live = priced.qty.get() - line.cancelled;
                if body.stage == Stage::Completed {
                    let refused: u32 = body
                        .parcels
                        .iter()
                        .filter(|it| it.phase == ParcelPhase::Refused)
                        .flat_map(|it| &it.lines)
                        .filter(|it| {
                            SKUS[index] == body.terms.priced.lines[usize::from(it.line)].sku
                        })
                        .map(|it| it.qty)
                        .sum();
                    prop_assert_eq!(line.shipped, live + refused, "what is paid for left");
                }
            }
            prop_assert!(line_out.iter().all(|qty| *qty >= 0));
            if let Some(wallet) = &body.wallet {
                prop_assert!(wallet.refunded <= wallet.amount, "I9");
                if wallet.phase == WalletPhase::Posted {
                    spent += wallet.amount - wallet.refunded;
                }
                if body.stage == Stage::Cancelled {
                    let given_back =
                        wallet.phase != WalletPhase::Posted || wallet.refunded == wallet.amount;
                    prop_assert!(given_back, "I13: cancelled and paid for");
                }
            }
            let cart: crate::cart::Cart = self.world.state(&body.terms.cart);
            let status = cart.body.expect("made").status;
            let wanted = match (body.stage, body.confirmed) {
                (_, true) => crate::cart::Status::Ordered,
                (Stage::Cancelled, false) => crate::cart::Status::Open,
                _ => crate::cart::Status::Frozen,
            };
            prop_assert_eq!(status, wanted);
        }
        prop_assert_eq!(self.world.balance(&self.wallet.clone()), WALLET - spent, "I9");
        for (index, sku) in SKUS.into_iter().enumerate() {
            let (on_hand, _) = self.world.units(sku);
            prop_assert_eq!(on_hand, self.received[index] - out[index], "I6, I8 of {}", sku);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_saga_ends_and_adds_up(acts in prop::collection::vec(act(), 1..120)) {
        let mut walk = Walk::new();
        for act in &acts {
            walk.act(act);
            walk.ask();
        }
        walk.finish();
        walk.check()?;
    }
}
