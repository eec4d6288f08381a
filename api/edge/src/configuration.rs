//! Dynamic configuration as it is kept: versions with the data, over what the file says.
//!
//! A change is durable before it holds. What the file sets is never stored, so a changed file
//! counts after a restart wherever nobody has put another value. Older versions are kept for
//! looking and for going back. One writer at a time on a node, whose change goes to its end also
//! when its caller goes away: between the writes memory would stay behind what is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use ports::{Meta, StoreError};
use tokio::sync::Mutex;

use crate::limits;
use crate::settings::{self, SPECS, Settings, Values};

/// Name of the stored values in force.
const CURRENT: &str = "config";
/// Name of the stored versions.
const VERSIONS: &str = "config.versions";

/// Why the stored configuration could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed.
    #[error("store failed")]
    Store(#[from] StoreError),
    /// What is stored is no configuration.
    #[error("stored configuration unreadable")]
    Unreadable(#[from] serde_json::Error),
}

/// Why a change does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It was made for another version.
    #[error("version {version} is in force")]
    Stale {
        /// The version in force.
        version: u64,
    },
    /// A key or a value is not allowed.
    #[error(transparent)]
    Refused(#[from] settings::Error),
    /// There is no such version to go back to.
    #[error("version is not kept")]
    NoVersion,
    /// The store failed; the old values hold.
    #[error("store failed")]
    Store(#[from] StoreError),
}

/// What a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets keys; `None`: back to what the file says, else the default.
    Put(BTreeMap<String, Option<u64>>),
    /// Puts in force again what was put up to this version; makes a new version.
    RollBack(u64),
}

struct Inner {
    file: BTreeMap<String, u64>,
    settings: Settings,
    meta: Arc<dyn Meta>,
    /// What was put, by version, the newest last. Never empty.
    versions: Mutex<Vec<Values>>,
}

/// The configuration of a node. Cheap to clone.
#[derive(Clone)]
pub struct Configuration(Arc<Inner>);

impl Configuration {
    /// Reads what was put before; `file` holds what the file sets.
    pub async fn load(file: &Values, meta: Arc<dyn Meta>) -> Result<Self, LoadError> {
        let current: Values = match meta.value(CURRENT).await? {
            Some(bytes) => serde_json::from_slice(&bytes)?,
            None => Values::default(),
        };
        let mut versions: Vec<Values> = match meta.value(VERSIONS).await? {
            Some(bytes) => serde_json::from_slice(&bytes)?,
            None => Vec::new(),
        };
        // Versions are written first: one that was never put in force is none.
        versions.retain(|values| values.version < current.version);
        versions.push(current.clone());
        let settings = Settings::new(over(&file.set, &current));
        let file = file.set.clone();
        Ok(Self(Arc::new(Inner { file, settings, meta, versions: Mutex::new(versions) })))
    }

    /// The values in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The values at a version; `None`: it is not kept.
    pub async fn at(&self, version: u64) -> Option<Values> {
        let versions = self.0.versions.lock().await;
        let kept = versions.iter().find(|values| values.version == version)?;
        Some(over(&self.0.file, kept))
    }

    /// Makes a change durable and puts it in force. `expected`: only over this version. `then` is
    /// told the values before anybody changes them again.
    pub async fn change(
        &self,
        expected: Option<u64>,
        change: Change,
        then: impl FnOnce(&Values) + Send + 'static,
    ) -> Result<Arc<Values>, ChangeError> {
        let this = self.clone();
        let changing = tokio::spawn(async move { this.change_now(expected, &change, then).await });
        changing.await.unwrap_or_else(|_| {
            Err(ChangeError::Store(StoreError::Unavailable("the change broke off".into())))
        })
    }

    async fn change_now(
        &self,
        expected: Option<u64>,
        change: &Change,
        then: impl FnOnce(&Values) + Send,
    ) -> Result<Arc<Values>, ChangeError> {
        let inner = &*self.0;
        let mut versions = inner.versions.lock().await;
        let current = versions.last().expect("there is always a version in force");
        if expected.is_some_and(|expected| expected != current.version) {
            return Err(ChangeError::Stale { version: current.version });
        }
        let next = match change {
            Change::Put(keys) => put(current, keys)?,
            Change::RollBack(to) => {
                let old = versions.iter().find(|values| values.version == *to);
                let old = old.ok_or(ChangeError::NoVersion)?;
                Values { version: current.version + 1, set: old.set.clone() }
            }
        };
        let first = (versions.len() + 1).saturating_sub(limits::CONFIG_VERSIONS_MAX);
        let mut kept = versions[first..].to_vec();
        kept.push(next.clone());
        inner.meta.set_value(VERSIONS, bytes(&kept)).await?;
        inner.meta.set_value(CURRENT, bytes(&next)).await?;
        inner.settings.put(over(&inner.file, &next));
        *versions = kept;
        let values = inner.settings.values();
        then(&values);
        Ok(values)
    }
}

fn put(current: &Values, keys: &BTreeMap<String, Option<u64>>) -> Result<Values, settings::Error> {
    let sets = keys.iter().filter_map(|(key, value)| Some((key.clone(), (*value)?))).collect();
    let mut next = current.changed(&sets)?;
    for key in keys.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key) {
        if SPECS.iter().all(|spec| spec.key != key) {
            return Err(settings::Error::UnknownKey(key.clone()));
        }
        next.set.remove(key);
    }
    Ok(next)
}

fn over(file: &BTreeMap<String, u64>, put: &Values) -> Values {
    let mut set = file.clone();
    set.extend(put.set.clone());
    Values { version: put.version, set }
}

fn bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("values are plain data with text keys")
}

#[cfg(test)]
mod tests {
    use ports::memory::MemoryStore;

    use super::*;
    use crate::settings::{RATE_LIMIT, T_PAY_MS};
    use crate::testing::unsteady::{Unsteady, drop_midway};

    fn file() -> Values {
        Values { version: 0, set: BTreeMap::from([(RATE_LIMIT.key.to_owned(), 7)]) }
    }

    fn set(key: &str, value: Option<u64>) -> Change {
        Change::Put(BTreeMap::from([(key.to_owned(), value)]))
    }

    #[tokio::test]
    async fn changes_survive_and_can_be_taken_back() {
        let meta: Arc<dyn Meta> = Arc::new(MemoryStore::new(1));
        let first = Configuration::load(&file(), Arc::clone(&meta)).await.unwrap();
        assert_eq!(first.settings().get(RATE_LIMIT), 7);
        first.change(Some(0), set("orders.t_pay_ms", Some(20_000)), |_| ()).await.unwrap();
        first.change(Some(1), set("edge.rate_limit", Some(9)), |_| ()).await.unwrap();

        let again = Configuration::load(&file(), Arc::clone(&meta)).await.unwrap();
        let values = again.settings().values();
        assert_eq!((values.version, values.get(T_PAY_MS), values.get(RATE_LIMIT)), (2, 20_000, 9));
        assert_eq!(again.at(1).await.unwrap().get(RATE_LIMIT), 7, "the file's value then");
        let back = again.change(Some(2), Change::RollBack(1), |_| ()).await.unwrap();
        assert_eq!((back.version, back.get(T_PAY_MS), back.get(RATE_LIMIT)), (3, 20_000, 7));
        let cleared = again.change(None, set("orders.t_pay_ms", None), |_| ()).await.unwrap();
        assert_eq!(cleared.get(T_PAY_MS), T_PAY_MS.default);
    }

    #[tokio::test]
    async fn what_is_refused_changes_nothing() {
        let meta: Arc<dyn Meta> = Arc::new(MemoryStore::new(1));
        let config = Configuration::load(&file(), meta).await.unwrap();
        for (expected, change) in [
            (Some(1), set("orders.t_pay_ms", Some(20_000))),
            (None, set("orders.t_pay_ms", Some(1))),
            (None, set("orders.nope", None)),
            (None, Change::RollBack(5)),
        ] {
            config.change(expected, change.clone(), |_| panic!("told")).await.unwrap_err();
            assert_eq!(*config.settings().values(), file(), "{change:?}");
        }
    }

    #[tokio::test]
    async fn a_change_whose_caller_goes_away_holds_as_it_is_stored() {
        let meta = Unsteady::new();
        let config = Configuration::load(&file(), Arc::clone(&meta) as _).await.unwrap();
        let told = Arc::new(std::sync::OnceLock::new());
        let then = {
            let told = Arc::clone(&told);
            move |values: &Values| told.set(values.version).expect("told once")
        };
        drop_midway(config.change(None, set("orders.t_pay_ms", Some(20_000)), then)).await;
        let stored = Configuration::load(&file(), meta).await.unwrap().settings().values();
        assert_eq!((stored.version, stored.get(T_PAY_MS)), (1, 20_000));
        assert_eq!(config.settings().values(), stored);
        assert_eq!(told.get(), Some(&1));
    }
}
