//! The identity of a store: format, history and number of shards, in one small text file.
//!
//! It is written last, when everything else of a new store is durable (fjall does not sync the
//! directory of its keyspaces, so a store without them must not look like an empty one). A store
//! whose identity is there and whose log or keyspaces are not is refused.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::BASE32_DNSSEC;
use ports::HistoryId;

use crate::{OpenError, layout};

/// The format that this build writes.
pub(crate) const FORMAT: u32 = 2;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The format of what is there.
    pub(crate) format: u32,
    pub(crate) history: HistoryId,
    pub(crate) n_shards: u16,
}

impl Identity {
    /// A new history: 80 random bits, so that no two stores ever share one.
    pub(crate) fn mint(n_shards: u16) -> Self {
        let bits: [u8; 10] = rand::random();
        Self { format: FORMAT, history: HistoryId(BASE32_DNSSEC.encode(&bits)), n_shards }
    }

    /// Reads the file; `None`: there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, OpenError> {
        match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io("read the identity")(error)),
        }
    }

    /// Writes the file, durably.
    pub(crate) fn write(&self, path: &Path) -> Result<(), OpenError> {
        layout::write_whole(path, self.text().as_bytes())
            .map_err(OpenError::io("write the identity"))
    }

    fn text(&self) -> String {
        let body = format!(
            "mercato store {}\nhistory {}\nshards {}\n",
            self.format, self.history.0, self.n_shards
        );
        format!("{body}check {:08x}\n", crc32fast::hash(body.as_bytes()))
    }

    fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = || OpenError::Damaged("the identity is not readable".into());
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let mut lines = text.lines();
        let mut field = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name));
            value.map(str::to_owned).ok_or_else(damaged)
        };
        let format: u32 = field("mercato store ")?.parse().map_err(|_| damaged())?;
        if format > FORMAT {
            return Err(OpenError::Version { found: format, known: FORMAT });
        }
        let history = HistoryId(field("history ")?);
        let n_shards: u16 = field("shards ")?.parse().map_err(|_| damaged())?;
        let identity = Self { format, history, n_shards };
        if identity.text() != text || format == 0 || n_shards == 0 || identity.history.0.len() != 16
        {
            return Err(damaged());
        }
        Ok(identity)
    }
}
