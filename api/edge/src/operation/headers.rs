//! Which headers an operation's answers have: what the document says and replies are held to.

use super::{Caching, Idempotency, Method, Operation, Precondition};

impl Operation {
    /// Whether a success of this status says where the thing stands.
    #[must_use]
    pub fn is_located(&self, status: u16) -> bool {
        let stands = matches!(status, 201 | 202 | 302 | 303)
            || matches!(status, 200 | 204) && self.statuses.contains(&201);
        self.located && stands
    }

    /// Whether its answers may have a tag.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        let is_kept = self.method == Method::Get && self.caching != Caching::Never;
        let is_command = self.idempotency != Idempotency::None || self.minimal;
        is_kept || is_command || self.precondition != Precondition::None
    }
}
