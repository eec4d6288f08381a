//! `Prefer` (RFC 7240): how long to wait, how to answer.
//!
//! `wait=5` (seconds, capped), `respond-async`, `return=minimal|representation`. Preferences that
//! are unknown or malformed are ignored, as the RFC wants; what was honoured is said back in
//! `Preference-Applied`.

use actix_web::http::header::HeaderMap;

use crate::limits;

/// How long an operation may wait for a better answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitLimit {
    /// The wait when nothing is asked for, in ms.
    pub default_ms: u64,
    /// The longest wait, in ms.
    pub max_ms: u64,
}

impl WaitLimit {
    /// The operation does not wait.
    pub const NONE: Self = Self { default_ms: 0, max_ms: 0 };
    /// A command that waits for its outcome.
    pub const COMMAND: Self =
        Self { default_ms: limits::WAIT_COMMAND_DEFAULT_MS, max_ms: limits::WAIT_COMMAND_MAX_MS };
    /// A read that waits for a change.
    pub const READ: Self = Self { default_ms: 0, max_ms: limits::WAIT_READ_MAX_MS };
}

/// The preferences of a request, within the operation's limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefer {
    /// How long to wait, in ms.
    pub wait_ms: u64,
    /// `wait` was asked for and is honoured, with these seconds.
    wait_applied_s: Option<u64>,
    /// Answer at once, with 202 when there is no result yet.
    pub respond_async: bool,
    /// Answer without the representation.
    pub minimal: bool,
    representation: bool,
}

impl Prefer {
    /// Reads all `Prefer` headers. The first of a repeated preference counts.
    #[must_use]
    pub fn read(headers: &HeaderMap, limit: WaitLimit, may_be_minimal: bool) -> Self {
        let mut prefer = Self { wait_ms: limit.default_ms, ..Self::default() };
        let mut seen: Vec<String> = Vec::new();
        let values = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')) {
            // Parameters behind `;` belong to the preference; none is defined for ours.
            let main = preference.split(';').next().unwrap_or_default().trim();
            let (name, value) = main.split_once('=').map_or((main, ""), |(name, value)| {
                (name.trim_end(), value.trim().trim_matches('"'))
            });
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                continue;
            }
            prefer.apply(&name, value, limit, may_be_minimal);
            seen.push(name);
        }
        if prefer.respond_async {
            prefer.wait_ms = 0;
            prefer.wait_applied_s = None;
        }
        prefer
    }

    fn apply(&mut self, name: &str, value: &str, limit: WaitLimit, may_be_minimal: bool) {
        match (name, value) {
            ("wait", seconds) if limit.max_ms > 0 => {
                let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
                if digits {
                    // More digits than fit a number are a very long wait: the cap.
                    let asked_s = seconds.parse::<u64>().unwrap_or(u64::MAX);
                    let granted_s = asked_s.min(limit.max_ms / 1000);
                    self.wait_ms = granted_s * 1000;
                    self.wait_applied_s = Some(granted_s);
                }
            }
            ("respond-async", "") if limit.default_ms > 0 => self.respond_async = true,
            ("return", "minimal") if may_be_minimal => self.minimal = true,
            ("return", "representation") if may_be_minimal => self.representation = true,
            (_, _) => {}
        }
    }

    /// The header `Preference-Applied`; `None`: no preference was honoured.
    #[must_use]
    pub fn applied(&self) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(seconds) = self.wait_applied_s {
            parts.push(format!("wait={seconds}"));
        }
        if self.respond_async {
            parts.push("respond-async".to_owned());
        }
        if self.minimal {
            parts.push("return=minimal".to_owned());
        } else if self.representation {
            parts.push("return=representation".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
