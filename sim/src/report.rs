//! Shows a run to people: a page, a timeline for trace viewers, a verdict for the terminal.
//!
//! [`html`] is one file that needs nothing else: plots are SVG inside it, the script only adds a
//! crosshair and a copy button. All plots share one time axis, so what happened at one instant
//! stands in one vertical line. [`chrome_trace`] is for Perfetto and chrome://tracing.
//! Everything here is a function of the record; nothing is read, judged or measured again.

mod axis;
mod draw;
mod figures;
mod heat;
mod lanes;
mod page;
mod plots;
mod series;
mod summary;
mod tables;
mod text;
mod trace;
mod view;

pub use page::html;
pub use summary::summary;
pub use trace::chrome_trace;

#[cfg(test)]
mod tests;
