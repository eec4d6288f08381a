//! Shops at the edge: hosts, publishable keys, channels, origins.
//!
//! A request without a token is in the shop of its `Api-Key`, else of its host name. An exact host
//! is a statement like a token; the loopback host of a demo only fills in where nothing else says.
//! The registry is a value, made once at the start.

use std::collections::BTreeMap;

use compact_str::CompactString;
use entity::Tenant;

/// One shop, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    /// Its name.
    pub name: Tenant,
    /// Host names, lower case, without port.
    pub hosts: Vec<String>,
    /// Publishable keys, each with its default channel.
    pub keys: Vec<(String, CompactString)>,
    /// Its channels; the first is the default.
    pub channels: Vec<CompactString>,
    /// Exact origins of its pages: `https://shop.example`.
    pub origins: Vec<String>,
}

/// All shops of a node.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    shops: BTreeMap<Tenant, TenantConfig>,
    by_host: BTreeMap<String, Tenant>,
    by_key: BTreeMap<String, (Tenant, CompactString)>,
    loopback: Option<Tenant>,
}

/// Two shops claim the same host or key, or a shop has no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantsError {
    /// A host or key of two shops.
    #[error("`{0}` belongs to two tenants")]
    Ambiguous(String),
    /// No channel.
    #[error("tenant `{0}` has no channel")]
    NoChannel(String),
    /// The loopback tenant is not in the list.
    #[error("tenant `{0}` is not configured")]
    Unknown(String),
}

impl Tenants {
    /// A registry. `loopback`: the shop of every loopback host and origin (a demo).
    pub fn new(configs: Vec<TenantConfig>, loopback: Option<Tenant>) -> Result<Self, TenantsError> {
        let mut tenants = Self { loopback, ..Self::default() };
        for config in configs {
            if config.channels.is_empty() {
                return Err(TenantsError::NoChannel(config.name.to_string()));
            }
            for host in &config.hosts {
                let host = host.to_ascii_lowercase();
                if tenants.by_host.insert(host.clone(), config.name.clone()).is_some() {
                    return Err(TenantsError::Ambiguous(host));
                }
            }
            for (key, channel) in &config.keys {
                let entry = (config.name.clone(), channel.clone());
                if tenants.by_key.insert(key.clone(), entry).is_some() {
                    return Err(TenantsError::Ambiguous(key.clone()));
                }
            }
            let name = config.name.clone();
            if tenants.shops.insert(name.clone(), config).is_some() {
                return Err(TenantsError::Ambiguous(name.to_string()));
            }
        }
        match &tenants.loopback {
            Some(name) if !tenants.shops.contains_key(name) => {
                Err(TenantsError::Unknown(name.to_string()))
            }
            Some(_) | None => Ok(tenants),
        }
    }

    /// The shops of `--demo`: `demo` and `demo2`, `demo` for loopback.
    #[must_use]
    pub fn demo() -> Self {
        let shop = |name: &str| TenantConfig {
            name: Tenant::new(name),
            hosts: Vec::new(),
            keys: vec![(format!("pk_{name}"), CompactString::const_new("web"))],
            channels: vec![CompactString::const_new("web")],
            origins: Vec::new(),
        };
        Self::new(vec![shop("demo"), shop("demo2")], Some(Tenant::new("demo")))
            .expect("names and keys differ, and each has a channel")
    }

    /// Whether there is such a shop.
    #[must_use]
    pub fn has(&self, tenant: &Tenant) -> bool {
        self.shops.contains_key(tenant)
    }

    /// All shops, by name.
    pub fn all(&self) -> impl Iterator<Item = &TenantConfig> {
        self.shops.values()
    }

    /// The shop and default channel of a publishable key.
    #[must_use]
    pub fn of_key(&self, key: &str) -> Option<(&Tenant, &CompactString)> {
        self.by_key.get(key).map(|(tenant, channel)| (tenant, channel))
    }

    /// The shop that a host name states.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Option<&Tenant> {
        self.by_host.get(&name_of(host).to_ascii_lowercase())
    }

    /// The shop of a host that states none: of a loopback host in a demo.
    #[must_use]
    pub fn fallback(&self, host: &str) -> Option<&Tenant> {
        self.loopback.as_ref().filter(|_| is_loopback(name_of(host)))
    }

    /// The default channel of a shop.
    #[must_use]
    pub fn default_channel(&self, tenant: &Tenant) -> Option<&CompactString> {
        self.shops.get(tenant)?.channels.first()
    }

    /// Whether a shop has a channel.
    #[must_use]
    pub fn has_channel(&self, tenant: &Tenant, channel: &str) -> bool {
        self.shops.get(tenant).is_some_and(|shop| shop.channels.iter().any(|c| c == channel))
    }

    /// Whether pages of `origin` may use a shop; `None`: whether they may use any.
    #[must_use]
    pub fn lists_origin(&self, tenant: Option<&Tenant>, origin: &str) -> bool {
        if self.loopback.is_some() && is_loopback_origin(origin) {
            return true;
        }
        let listed = |shop: &TenantConfig| shop.origins.iter().any(|listed| listed == origin);
        match tenant {
            Some(tenant) => self.shops.get(tenant).is_some_and(listed),
            None => self.shops.values().any(listed),
        }
    }
}

/// The host name of `name[:port]`, brackets of an IPv6 address taken off.
pub(crate) fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// Whether a host name is this machine: `localhost`, `*.localhost`, 127.0.0.0/8, ::1.
pub(crate) fn is_loopback(name: &str) -> bool {
    if let Ok(address) = name.parse::<std::net::IpAddr>() {
        return address.is_loopback();
    }
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an origin is `http(s)://loopback[:port]` and nothing more.
pub(crate) fn is_loopback_origin(origin: &str) -> bool {
    let Some(authority) =
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
    else {
        return false;
    };
    let name = name_of(authority);
    let port = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("x", |(_, port)| port),
        None => &authority[name.len()..],
    };
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    is_loopback(name) && port_fits
}
