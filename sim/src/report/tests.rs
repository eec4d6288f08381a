//! The report over good, failing, degenerate and very large records: well formed, finite, inside
//! its boxes, escaped, of bounded size.

mod parts;
mod samples;
mod whole;
mod xml;
