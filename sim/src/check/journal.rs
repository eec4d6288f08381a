//! White-box checkers: one file per invariant, over everything that a store and a bus hold.
//!
//! A [`World`] is made once: each record is decoded once and each entity folded once, and the
//! checkers share that. They are pure and deterministic; each says how many things it looked at,
//! so that a checker that had nothing to judge is seen. The folds are not the runtime's cells, and
//! stock and money are counted a second time by models that know only the events.
//! What clients saw among themselves (linearisability) is not judged here.

mod cancelled_units;
mod decoded;
mod findings;
mod fold;
mod given;
mod ledger;
mod money;
mod offers;
mod parts_paid;
mod read;
mod refused_units;
mod restarts;
mod shop;
mod stock_rules;
mod world;

pub mod arrivals;
pub mod bus_data;
pub mod causes;
pub mod conflicts;
pub mod customers;
pub mod i01_one_writer;
pub mod i02_no_gaps;
pub mod i03_fold;
pub mod i04_nothing_early;
pub mod i05_once_in_order;
pub mod i06_stock;
pub mod i07_same_answer;
pub mod i08_units_end;
pub mod i09_money;
pub mod i10_limits;
pub mod i11_all_ends;
pub mod i12_one_order;
pub mod i13_captured;
pub mod promised;
pub mod prompt;
pub mod sold_prices;
pub mod words;

pub use conflicts::conflicts;
pub use decoded::Rec;
pub use findings::{Findings, VIOLATIONS_MAX};
pub use given::{Acked, Beside, Depth, Given, LetIn, Owned, Sent};
pub use read::{Journals, Published};
pub use restarts::Written;
pub use world::{Listed, Stocked, World};

/// A checker.
pub type Check = fn(&World) -> Findings;

/// Every checker with its name, in the order of the invariants.
pub const CHECKS: [(&str, Check); 22] = [
    ("I1", i01_one_writer::check),
    ("I2", i02_no_gaps::check),
    ("I3", i03_fold::check),
    ("I4", i04_nothing_early::check),
    ("I5", i05_once_in_order::check),
    ("I6", i06_stock::check),
    ("I7", i07_same_answer::check),
    ("I8", i08_units_end::check),
    ("I9", i09_money::check),
    ("I10", i10_limits::check),
    ("I11", i11_all_ends::check),
    ("I12", i12_one_order::check),
    ("I13", i13_captured::check),
    ("prompt", prompt::check),
    ("promised", promised::check),
    ("arrivals", arrivals::check),
    ("words", words::check),
    ("sold_prices", sold_prices::check),
    ("bus_data", bus_data::check),
    ("causes", causes::check),
    ("conflicts", conflicts::check),
    ("customers", customers::check),
];

#[cfg(test)]
mod tests;
