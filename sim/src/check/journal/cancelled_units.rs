//! Units of an order that are cancelled: those that somebody asked for, and those in parcels that
//! were refused at the door; and without a unit that is left an order is not fulfilled.
//!
//! Counted from the events of the order, at each of its versions until it is given up as a whole.

use std::collections::BTreeMap;

use commerce::order::{Body, Event, Fact, LineIndex, Stage};
use entity::EventContext;

/// Cancelled units of each line.
#[derive(Debug, Default)]
pub(super) struct CancelledUnits(BTreeMap<LineIndex, u32>);

impl CancelledUnits {
    /// Counts an event; `body` is the state after it.
    pub(super) fn event(&mut self, body: Option<&Body>, event: &Event) {
        let mut cancel = |line: LineIndex, qty: u32| *self.0.entry(line).or_default() += qty;
        match &event.fact {
            Fact::LinesCancelled { cuts } => cuts.iter().for_each(|cut| cancel(cut.line, cut.qty)),
            Fact::CodRefused { parcel } => {
                let parcel = body.and_then(|body| body.parcels.get(usize::from(*parcel)));
                let lines = parcel.map_or_else(Vec::new, |parcel| parcel.lines.clone());
                lines.iter().for_each(|packed| cancel(packed.line, packed.qty));
            }
            _ => {}
        }
    }

    /// How an order shows others.
    pub(super) fn differ(&self, ctx: &EventContext<'_>, body: Option<&Body>) -> Option<String> {
        let body = body.filter(|body| is_alive(body.stage))?;
        let is: Vec<u32> = (0..).zip(&body.lines).map(|(line, _)| self.of(line)).collect();
        let said: Vec<u32> = body.lines.iter().map(|line| line.cancelled).collect();
        let units: u64 = body.terms.priced.lines.iter().map(|it| u64::from(it.qty.get())).sum();
        let is_empty = is.iter().map(|qty| u64::from(*qty)).sum::<u64>() == units;
        let is_over = is_empty && matches!(body.stage, Stage::Fulfilled | Stage::Completed);
        (said != is || is_over).then(|| {
            let (key, version, stage) = (ctx.key, ctx.version, body.stage);
            format!("{key} at {version}: {is:?} units are cancelled, it says {said:?} ({stage:?})")
        })
    }

    fn of(&self, line: LineIndex) -> u32 {
        self.0.get(&line).copied().unwrap_or_default()
    }
}

const fn is_alive(stage: Stage) -> bool {
    !matches!(stage, Stage::Cancelling | Stage::Cancelled)
}
