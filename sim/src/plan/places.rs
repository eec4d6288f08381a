//! What is sold, and where it lies.

use serde::{Deserialize, Serialize};

use super::{Journey, Plan, PlanError};

/// The stock locations of every plan's shop. Who asks for no place is served by name, so that the
/// first one is not the first to be emptied.
pub const PLACES: [&str; 3] = ["main", "annex", "pier"];

/// Something sold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkuSetup {
    /// Units at the start, in all places.
    pub stock: u32,
    /// Units of them that lie at the second place, and at the third; the others at the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<u32>,
    /// Price of one, in minor units of USD.
    pub price: i64,
}

impl SkuSetup {
    /// How many places it lies at.
    #[must_use]
    pub fn n_places(&self) -> usize {
        1 + self.elsewhere.len()
    }

    /// Units at each place at the start.
    #[must_use]
    pub fn at_places(&self) -> Vec<u32> {
        let main = self.stock.saturating_sub(self.elsewhere.iter().sum());
        std::iter::once(main).chain(self.elsewhere.iter().copied()).collect()
    }
}

impl Plan {
    /// Whether every place that is named is one of its SKU.
    pub(super) fn check_places(&self) -> Result<(), PlanError> {
        let skus = &self.setup.skus;
        for (number, sku) in skus.iter().enumerate() {
            let elsewhere: u64 = sku.elsewhere.iter().map(|units| u64::from(*units)).sum();
            if sku.n_places() > PLACES.len() || elsewhere > u64::from(sku.stock) {
                return Err(PlanError::Names(format!("places that SKU {number} does not have")));
            }
        }
        for visit in &self.traffic {
            let (Journey::Restock { sku, place, .. } | Journey::Count { sku, place, .. }) =
                visit.journey
            else {
                continue;
            };
            let n_places = skus.get(sku as usize).map_or(0, SkuSetup::n_places);
            if place as usize >= n_places {
                return Err(PlanError::Names(format!("place {place} in visit {}", visit.id)));
            }
        }
        Ok(())
    }
}
