//! The whole page, trace and verdict over each sample.

use super::samples;
use crate::report::{chrome_trace, html, summary};

/// With `SIM_REPORT_DIR` set the samples stay there for people to look at.
#[test]
fn samples_can_be_looked_at() {
    let Some(dir) = std::env::var_os("SIM_REPORT_DIR").map(std::path::PathBuf::from) else {
        return;
    };
    for (name, record) in samples::all() {
        std::fs::write(dir.join(format!("{name}.html")), html(&record)).unwrap();
        std::fs::write(dir.join(format!("{name}.trace.json")), chrome_trace(&record)).unwrap();
        std::fs::write(dir.join(format!("{name}.txt")), summary(&record)).unwrap();
    }
}
