//! What an order asks of others, each message built in one place.
//!
//! Pure: a function of the body and the order's key. A message can be built again at any time and
//! says the same, so that everything unanswered can be asked again ([`outstanding`]).

use compact_str::CompactString;
use entity::{Effect, EntityKey, uuid5};
use uuid::Uuid;

use super::body::Body;
use super::parts::{
    Booking, Compensation, GiveBack, HoldPhase, LineIndex, Parcel, ParcelLine, ParcelPhase,
    WalletPhase,
};
use super::stage::Stage;
use crate::account::{self, Account};
use crate::cart::{self, Cart};
use crate::customer::{self, Customer};
use crate::money::Money;
use crate::numbers::{self, Numbers};
use crate::shipment::{self, Shipment};
use crate::sku::{self, Sku};
use crate::{keys, kinds};

/// How long a hold lasts that a simulation makes short, so that it ends while the order lives, in
/// ms.
pub const SHORT_HOLD_MS: u64 = 1_000;

/// An order that speaks.
#[derive(Clone, Copy)]
pub(super) struct Voice<'a> {
    pub(super) key: &'a EntityKey,
    pub(super) body: &'a Body,
}

impl Voice<'_> {
    fn to_sku(self, line: LineIndex, command: &sku::Command) -> Option<Effect> {
        let priced = self.body.priced(line)?;
        Some(Effect::tell::<Sku>(keys::sku(&self.key.tenant, &priced.sku), command))
    }

    /// Asks the SKU of a line to hold its units; bounced when T_reserve passes on the way.
    pub(super) fn hold(self, index: LineIndex) -> Option<Effect> {
        let (priced, line) = (self.body.priced(index)?, self.body.line(index)?);
        let timers = &self.body.terms.timers;
        let full_ms = timers.pay_ms.saturating_add(timers.hold_grace_ms);
        let command = sku::Command::Hold {
            hold_id: line.hold_id,
            generation: line.generation,
            qty: priced.qty.get(),
            ttl_ms: if sites::fires("short_hold", 0) { SHORT_HOLD_MS } else { full_ms },
            price_version: priced.price_version,
            prefer: Vec::new(),
            commit: line.phase == HoldPhase::AskedToCommit,
        };
        Some(self.to_sku(index, &command)?.within_ms(timers.reserve_ms))
    }

    pub(super) fn commit(self, index: LineIndex) -> Option<Effect> {
        let hold_id = self.body.line(index)?.hold_id;
        self.to_sku(index, &sku::Command::Commit { hold_id })
    }

    pub(super) fn release(self, index: LineIndex, generation: u32) -> Option<Effect> {
        let hold_id = self.body.line(index)?.hold_id;
        self.to_sku(index, &sku::Command::Release { hold_id, generation })
    }

    pub(super) fn owner_status(self, index: LineIndex, keep: bool) -> Option<Effect> {
        let hold_id = self.body.line(index)?.hold_id;
        self.to_sku(index, &sku::Command::OwnerStatus { hold_id, keep })
    }

    fn restock(
        self,
        index: LineIndex,
        n: u32,
        location: &CompactString,
        qty: u32,
    ) -> Option<Effect> {
        let command = sku::Command::Restock {
            hold_id: self.body.line(index)?.hold_id,
            movement: (id_of(self.key), n),
            location: location.clone(),
            qty,
            condition: sku::Condition::BackInStock,
        };
        self.to_sku(index, &command)
    }

    /// Asks the SKUs of a parcel to book its units out.
    pub(super) fn book_out(self, parcel: &Parcel) -> Vec<Effect> {
        let asked = parcel.lines.iter().filter(|line| line.booking == Booking::Asked);
        let ship = |packed: &ParcelLine| {
            let command = sku::Command::Ship {
                hold_id: self.body.line(packed.line)?.hold_id,
                shipment_id: parcel.id,
                location: parcel.location.clone(),
                qty: packed.qty,
            };
            self.to_sku(packed.line, &command)
        };
        asked.filter_map(ship).collect()
    }

    fn to_wallet(self, command: &account::Command) -> Effect {
        let owner = &self.body.terms.owner;
        let customer = owner.customer(&self.key.tenant);
        Effect::tell::<Account>(keys::wallet(&customer), command)
    }

    pub(super) fn wallet_hold(self) -> Option<Effect> {
        let wallet = self.body.wallet.as_ref()?;
        let amount = Money::new(wallet.amount, self.body.terms.priced.ccy);
        let command = account::Command::Hold { entry_id: wallet.entry_id, amount };
        Some(self.to_wallet(&command).within_ms(self.body.terms.timers.reserve_ms))
    }

    pub(super) fn wallet_post(self) -> Option<Effect> {
        let entry_id = self.body.wallet.as_ref()?.entry_id;
        Some(self.to_wallet(&account::Command::Post { entry_id }))
    }

    /// A step of compensation.
    pub(super) fn compensate(self, step: &Compensation) -> Option<Effect> {
        match &step.what {
            GiveBack::Release { line } => self.release(*line, self.body.line(*line)?.generation),
            GiveBack::Restock { line, location, qty } => {
                self.restock(*line, step.n, location, *qty)
            }
            GiveBack::Void => {
                let entry_id = self.body.wallet.as_ref()?.entry_id;
                Some(self.to_wallet(&account::Command::Void { entry_id }))
            }
            GiveBack::Credit { amount } => {
                let amount = Money::new(*amount, self.body.terms.priced.ccy);
                let entry_id = credit_id(self.key, step.n);
                Some(self.to_wallet(&account::Command::Credit { entry_id, amount }))
            }
        }
    }

    /// The steps from number `from` on.
    pub(super) fn compensations(self, from: u32) -> Vec<Effect> {
        let steps = self.body.open.iter().filter(|step| step.n >= from);
        steps.filter_map(|step| self.compensate(step)).collect()
    }

    fn to_shipment(self, parcel: &Parcel, command: &shipment::Command) -> Effect {
        let (tenant, affinity) = (self.key.tenant.clone(), self.key.affinity);
        let to = EntityKey::derived(tenant, kinds::SHIPMENT, affinity, parcel.id);
        Effect::tell::<Shipment>(to, command)
    }

    /// Makes the shipment of a parcel. A repeat changes nothing.
    pub(super) fn create(self, parcel: &Parcel) -> Effect {
        let terms = &self.body.terms;
        let command = shipment::Command::Create(shipment::Content {
            order: self.key.clone(),
            owner: terms.owner.clone(),
            location: parcel.location.clone(),
            lines: shipment_lines(parcel),
            due: (parcel.due > 0).then(|| Money::new(parcel.due, terms.priced.ccy)),
            auto_receipt_ms: terms.timers.auto_receipt_ms,
            cod_overdue_ms: terms.timers.cod_overdue_ms,
        });
        self.to_shipment(parcel, &command)
    }

    pub(super) fn stop(self, parcel: &Parcel) -> Effect {
        self.to_shipment(parcel, &shipment::Command::Stop)
    }

    /// A parcel waits again, perhaps with fewer units.
    pub(super) fn reopen(self, parcel: &Parcel) -> Effect {
        let ccy = self.body.terms.priced.ccy;
        let command = shipment::Command::Reopen {
            lines: shipment_lines(parcel),
            due: (parcel.due > 0).then(|| Money::new(parcel.due, ccy)),
        };
        self.to_shipment(parcel, &command)
    }

    pub(super) fn tell_released(self, parcel: &Parcel) -> Effect {
        self.to_shipment(parcel, &shipment::Command::DispatchReleased)
    }

    pub(super) fn tell_dispatch_refused(self, parcel: &Parcel) -> Effect {
        self.to_shipment(parcel, &shipment::Command::DispatchRefused)
    }

    pub(super) fn tell_dispatched(self, parcel: &Parcel) -> Effect {
        self.to_shipment(parcel, &shipment::Command::Dispatched)
    }

    pub(super) fn tell_received(self, parcel: &Parcel) -> Effect {
        self.to_shipment(parcel, &shipment::Command::Received)
    }

    fn to_cart(self, command: &cart::Command) -> Effect {
        Effect::tell::<Cart>(self.body.terms.cart.clone(), command)
    }

    /// Tells the cart how it ended: ordered for ever, or free again.
    pub(super) fn tell_cart(self) -> Effect {
        let generation = self.body.terms.generation;
        if self.body.confirmed {
            self.to_cart(&cart::Command::OrderConfirmed { generation })
        } else {
            self.to_cart(&cart::Command::OrderCancelled { generation })
        }
    }

    /// Tells the customer that there is a new order.
    pub(super) fn tell_customer(self) -> Effect {
        let customer = self.body.terms.owner.customer(&self.key.tenant);
        let order = customer::OrderRef { affinity: self.key.affinity, id: id_of(self.key) };
        let command = customer::Command::RecordOrder { order, at: self.body.placed_at };
        Effect::tell::<Customer>(customer, &command)
    }

    /// Asks for the number, when there is something to pay or to send (domain.md, Order): asked for
    /// any earlier, every order that is refused for want of stock would use one up.
    pub(super) fn ask_number(self) -> Effect {
        let command = numbers::Command::Request { order: self.key.clone() };
        Effect::tell::<Numbers>(keys::numbers_slot(self.key), &command)
    }

    /// Everything that was asked and not answered. Whoever has answered meanwhile says the same
    /// again, or passes it over.
    pub(super) fn outstanding(self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (index, line) in self.body.each_line() {
            match line.phase {
                HoldPhase::Asked | HoldPhase::AskedToCommit => effects.extend(self.hold(index)),
                HoldPhase::Committing => effects.extend(self.commit(index)),
                HoldPhase::Waiting
                | HoldPhase::Held
                | HoldPhase::Committed
                | HoldPhase::Refused
                | HoldPhase::CommitRefused
                | HoldPhase::Ended
                | HoldPhase::Returned => {}
            }
        }
        match self.body.wallet.as_ref().map(|wallet| wallet.phase) {
            Some(WalletPhase::Asked) => effects.extend(self.wallet_hold()),
            Some(WalletPhase::Posting) => effects.extend(self.wallet_post()),
            Some(
                WalletPhase::Held
                | WalletPhase::Posted
                | WalletPhase::Refused
                | WalletPhase::Voided,
            )
            | None => {}
        }
        effects.extend(self.compensations(0));
        for parcel in &self.body.parcels {
            self.tell_again(parcel, &mut effects);
            if parcel.phase == ParcelPhase::Released {
                effects.extend(self.book_out(parcel));
            }
        }
        if self.body.number_asked && self.body.number.is_none() {
            effects.push(self.ask_number());
        }
        effects
    }

    /// What a shipment has to know to be where the order sees it.
    fn tell_again(self, parcel: &Parcel, effects: &mut Vec<Effect>) {
        match parcel.phase {
            // A refusal that it did not hear leaves it asking; when it waits it passes it over.
            ParcelPhase::Pending => {
                effects.extend([self.create(parcel), self.tell_dispatch_refused(parcel)]);
            }
            // It can stop only if it was made; making it again changes nothing.
            ParcelPhase::Stopping => effects.extend([self.create(parcel), self.stop(parcel)]),
            ParcelPhase::Released => effects.push(self.tell_released(parcel)),
            ParcelPhase::Dispatched => effects.push(self.tell_dispatched(parcel)),
            // The buyer may have said so before it heard that it left.
            ParcelPhase::Delivered => {
                effects.extend([self.tell_dispatched(parcel), self.tell_received(parcel)]);
            }
            ParcelPhase::Stopped
            | ParcelPhase::InTransit
            | ParcelPhase::AutoReceived
            | ParcelPhase::Refused => {}
        }
    }

    /// Everything that was not taken. What was taken is answered for certain and not asked twice:
    /// a repeat that came very late would meet a SKU that has forgotten the first.
    pub(super) fn lost(self) -> Vec<Effect> {
        let mut effects = self.unsent();
        let steps = self.body.open.iter().filter(|step| step.is_lost);
        effects.extend(steps.filter_map(|step| self.compensate(step)));
        for parcel in self.body.parcels.iter().filter(|parcel| parcel.is_lost) {
            self.tell_again(parcel, &mut effects);
        }
        if self.body.unsent.numbers && self.body.number.is_none() {
            effects.push(self.ask_number());
        }
        effects
    }

    /// Notices that were not taken.
    pub(super) fn unsent(self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.body.unsent.customer {
            effects.push(self.tell_customer());
        }
        let is_settled = self.body.confirmed || self.body.stage == Stage::Cancelled;
        if self.body.unsent.cart && is_settled {
            effects.push(self.tell_cart());
        }
        effects
    }
}

/// The id of a credit to the wallet: step `n` of the order.
pub(super) fn credit_id(order: &EntityKey, n: u32) -> Uuid {
    let id = keys::id_bytes(&order.id);
    uuid5(kinds::ACCOUNT, &[b"credit", id, &n.to_be_bytes()])
}

/// The uuid of an order's key.
#[must_use]
pub fn id_of(order: &EntityKey) -> Uuid {
    match &order.id {
        entity::EntityId::Uuid(uuid) => *uuid,
        entity::EntityId::Name(_) => Uuid::nil(),
    }
}

fn shipment_lines(parcel: &Parcel) -> Vec<shipment::ShipmentLine> {
    let live = parcel.lines.iter().filter(|line| line.qty > 0);
    live.map(|line| shipment::ShipmentLine { line: line.line, qty: line.qty }).collect()
}
