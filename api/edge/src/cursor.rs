//! Page cursors: opaque, signed, holding the filter and the sort they continue.
//!
//! A cursor continues exactly the list it came from: list, shop, caller (of a list that not all
//! see alike), filter and sort are inside, and a request that says otherwise is refused. There are
//! no offsets, so rows that come and go meanwhile shift nothing.

use entity::Tenant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::identity::{Caller, Purpose, Sealer};
use crate::problem::Problem;

#[derive(Serialize, Deserialize)]
struct Kept<P> {
    list: String,
    scope: String,
    filter: String,
    position: P,
}

/// A list that cursors belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorOf {
    list: &'static str,
    scope: String,
    filter: String,
}

impl CursorOf {
    /// The list `list` as this caller sees it, with the filter and sort of `raw_query` (all
    /// parameters but `cursor` and `limit`; their order does not count).
    #[must_use]
    pub fn new(list: &'static str, caller: &Caller, raw_query: &str) -> Self {
        let principal = caller.principal();
        let scope = format!("{}/{:?}/{}", principal.tenant, principal.kind, principal.subject);
        Self::within(list, scope, raw_query)
    }

    /// The list `list` as everyone sees it in a shop: whoever signs in goes on where they were.
    #[must_use]
    pub fn public(list: &'static str, tenant: &Tenant, raw_query: &str) -> Self {
        Self::within(list, tenant.to_string(), raw_query)
    }

    /// The same list of the thing at a path: another thing has another list.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        self.scope.push_str(path);
        self
    }

    fn within(list: &'static str, scope: String, raw_query: &str) -> Self {
        let mut kept: Vec<&str> = raw_query
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                !pair.is_empty() && name != "cursor" && name != "limit"
            })
            .collect();
        kept.sort_unstable();
        Self { list, scope, filter: kept.join("&") }
    }

    /// The cursor of what stands behind `position`.
    #[must_use]
    pub fn seal<P: Serialize>(&self, sealer: &Sealer, position: P) -> String {
        let kept = Kept {
            list: self.list.to_owned(),
            scope: self.scope.clone(),
            filter: self.filter.clone(),
            position,
        };
        sealer.seal(Purpose::Cursor, &kept)
    }

    /// The position in a cursor, and the filter that it continues: a request may leave the filter
    /// out, but not name another one.
    pub fn open<P: DeserializeOwned>(&self, sealer: &Sealer, text: &str) -> Result<P, Problem> {
        let refused = |detail: &str| Problem::bad_parameter("cursor", "bad_form", detail);
        let kept: Kept<P> = sealer
            .open(Purpose::Cursor, text)
            .ok_or_else(|| refused("is not a cursor of this service"))?;
        if kept.list != self.list || kept.scope != self.scope {
            return Err(refused("belongs to another list"));
        }
        if !self.filter.is_empty() && kept.filter != self.filter {
            return Err(refused("was made with other filters"));
        }
        Ok(kept.position)
    }

    /// The filter that a cursor holds, as a query; the request's own when there is no cursor.
    pub fn filter(&self, sealer: &Sealer, text: Option<&str>) -> String {
        text.and_then(|text| sealer.open::<Kept<serde_json::Value>>(Purpose::Cursor, text))
            .map_or_else(|| self.filter.clone(), |kept| kept.filter)
    }
}

#[cfg(test)]
mod tests;
