//! Numbers of the stored types of each entity: `0x100 + kind * 16 + role`.

/// Declares the seven stored types of an entity, first versions all.
///
/// A type that moves on to version 2 leaves this list and writes its own `Stored` with an upcast.
macro_rules! stored_types {
    ($kind:expr, $($ty:ty = $role:literal),+ $(,)?) => {
        $(impl codec::Stored for $ty {
            const TYPE: codec::TypeId = 0x100 + $kind.0 * 16 + $role;
        })+
    };
}
pub(crate) use stored_types;
