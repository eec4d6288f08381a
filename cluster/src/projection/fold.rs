//! A projection made of plain functions: one row per entity that remembers, and rows to be listed.
//!
//! A crate that knows neither ports nor runtime can give such functions. The row of state is only
//! asked for by an entity's second event and later ones.

use codec::Packed;
use entity::{EntityKey, EventContext, Kind};
use ports::{ViewRow, ViewWrite};

use super::{ProjectError, Projection, RowReader};

/// A row by its key: its new content, or `None` to take it out.
pub type RowChange = (Vec<u8>, Option<Vec<u8>>);

/// What an event changes, given the entity's row of state.
pub type FoldFn =
    fn(&EventContext<'_>, &Packed, Option<&[u8]>) -> Result<Vec<RowChange>, codec::Error>;

/// A projection as functions.
#[derive(Debug, Clone, Copy)]
pub struct Fold {
    /// See [`Projection::name`].
    pub name: &'static str,
    /// See [`Projection::version`].
    pub version: u16,
    /// See [`Projection::kinds`].
    pub kinds: &'static [Kind],
    /// Where the row of state of an entity stands.
    pub state_key: fn(&EntityKey) -> Vec<u8>,
    /// What an event changes, the row of state among it, given the row of state so far.
    pub fold: FoldFn,
}

impl Projection for Fold {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u16 {
        self.version
    }

    fn kinds(&self) -> &[Kind] {
        self.kinds
    }

    fn project(
        &self,
        ctx: &EventContext<'_>,
        event: &Packed,
        rows: &mut dyn RowReader,
    ) -> Result<Vec<ViewWrite>, ProjectError> {
        let state = match ctx.version {
            0 | 1 => None,
            2.. => rows.row(&(self.state_key)(ctx.key))?,
        };
        let changes = (self.fold)(ctx, event, state.as_deref())?;
        let write = |(key, row): RowChange| match row {
            Some(value) => ViewWrite::Put(ViewRow { key, value }),
            None => ViewWrite::Delete(key),
        };
        Ok(changes.into_iter().map(write).collect())
    }
}
