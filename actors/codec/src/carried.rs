//! What is carried: a value that is packed only where it leaves the process.
//!
//! Caller and entity are mostly of one process. What they say to each other crosses it as it is,
//! and is packed on the first look of somebody who needs bytes: a frame to another node, a test.

use std::any::Any;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Packed, Stored, TypeId, pack, unpack};

/// A value of a stored type, as itself or packed.
pub struct Carried(Form);

enum Form {
    Value(Box<dyn Value>),
    Packed(Packed),
}

/// A value whose type only its receiver knows.
trait Value: Any + Send + Sync {
    fn pack(&self) -> Result<Packed, Error>;
    fn stored_type(&self) -> TypeId;
}

impl<T: Stored + Any + Send + Sync> Value for T {
    fn pack(&self) -> Result<Packed, Error> {
        pack(self)
    }

    fn stored_type(&self) -> TypeId {
        T::TYPE
    }
}

impl Carried {
    /// A value that is not packed yet.
    #[must_use]
    pub fn of<T: Stored + Any + Send + Sync>(value: T) -> Self {
        Self(Form::Value(Box::new(value)))
    }

    /// The value. Errors: another type, or bytes that do not fit.
    pub fn take<T: Stored + Any>(self) -> Result<T, Error> {
        match self.0 {
            Form::Value(value) => {
                let found = value.stored_type();
                let value: Box<dyn Any> = value;
                let wrong = |_| Error::Type { wanted: T::TYPE, found };
                value.downcast().map(|value| *value).map_err(wrong)
            }
            Form::Packed(packed) => unpack(&packed),
        }
    }

    /// Looks at the value. Errors: as [`Self::take`].
    pub fn with<T: Stored + Any, R>(&self, look: impl FnOnce(&T) -> R) -> Result<R, Error> {
        match &self.0 {
            Form::Value(value) => {
                let any: &dyn Any = &**value;
                let found = value.stored_type();
                let wrong = || Error::Type { wanted: T::TYPE, found };
                any.downcast_ref().map(look).ok_or_else(wrong)
            }
            Form::Packed(packed) => Ok(look(&unpack(packed)?)),
        }
    }

    /// The packed form. O(value) where it was not packed. Errors: [`Error::Encode`].
    pub fn packed(&self) -> Result<Packed, Error> {
        match &self.0 {
            Form::Value(value) => value.pack(),
            Form::Packed(packed) => Ok(packed.clone()),
        }
    }
}

/// A copy is packed.
impl Clone for Carried {
    fn clone(&self) -> Self {
        Self::from(self.packed().expect("what is said is far smaller than the codec's limit"))
    }
}

impl From<Packed> for Carried {
    fn from(packed: Packed) -> Self {
        Self(Form::Packed(packed))
    }
}

/// Equal is what packs to the same.
impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.packed() == other.packed()
    }
}

impl Eq for Carried {}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packed().fmt(f)
    }
}

/// As its packed form.
impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Value(value) => {
                value.pack().map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
            Form::Packed(packed) => packed.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Packed::deserialize(deserializer).map(Self::from)
    }
}
