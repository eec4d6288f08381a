//! Values written in bincode's layout, straight into a vector.
//!
//! Guarantees: the very bytes that bincode 2 `standard()` writes, which reads them (a property
//! test holds the two together). Written here, for writing is what a journal does most: behind
//! bincode's own serializer it was a third of the instructions of an order
//! (docs/decisions/0020-a-writer-of-our-own.md).
//!
//! The layout: fields one after the other without names; lengths, variants and numbers of two
//! bytes and more as varints (one byte up to 250, then 251, 252, 253, 254 before 2, 4, 8, 16
//! bytes, little endian); signed ones in zigzag; single bytes, booleans and floats as they are.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

use crate::Error;

/// The largest number that is its own varint.
const ONE_BYTE_MAX: u8 = 250;
const TWO_BYTES: u8 = 251;
const FOUR_BYTES: u8 = 252;
const EIGHT_BYTES: u8 = 253;
const SIXTEEN_BYTES: u8 = 254;

/// Appends to a vector.
pub(crate) struct Writer<'a>(pub &'a mut Vec<u8>);

/// Why a value cannot be written: what its own code said, or a length that it does not know.
/// A pointer, for it is passed back from each field.
#[derive(Debug)]
pub(crate) struct Unwritable(pub Box<Error>);

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    #[cold]
    fn custom<T: Display>(why: T) -> Self {
        Self(Box::new(Error::Encode(why.to_string())))
    }
}

type Written = Result<(), Unwritable>;

impl Writer<'_> {
    #[inline]
    fn again(&mut self) -> Writer<'_> {
        Writer(self.0)
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    #[inline]
    fn varint(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(byte @ ..=ONE_BYTE_MAX) => self.byte(byte),
            _ => self.long_varint(number),
        }
    }

    fn long_varint(&mut self, number: u64) {
        if let Ok(short) = u16::try_from(number) {
            self.tagged(TWO_BYTES, short.to_le_bytes());
        } else if let Ok(middle) = u32::try_from(number) {
            self.tagged(FOUR_BYTES, middle.to_le_bytes());
        } else {
            self.tagged(EIGHT_BYTES, number.to_le_bytes());
        }
    }

    #[inline]
    fn tagged<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        self.0.reserve(N + 1);
        self.0.push(tag);
        self.0.extend_from_slice(&bytes);
    }

    #[inline]
    fn length(&mut self, length: Option<usize>) -> Written {
        match length {
            Some(length) => {
                self.varint(length as u64);
                Ok(())
            }
            None => Err(ser::Error::custom("a sequence whose length is not known")),
        }
    }
}

/// Small positive for small negative: 0, -1, 1, -2 are 0, 1, 2, 3.
#[inline]
const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

#[inline]
const fn zigzag_128(number: i128) -> u128 {
    ((number << 1) ^ (number >> 127)).cast_unsigned()
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    #[inline]
    fn serialize_bool(self, v: bool) -> Written {
        self.serialize_u8(u8::from(v))
    }

    #[inline]
    fn serialize_i8(self, v: i8) -> Written {
        self.serialize_u8(v.cast_unsigned())
    }

    #[inline]
    fn serialize_i16(self, v: i16) -> Written {
        self.serialize_i64(i64::from(v))
    }

    #[inline]
    fn serialize_i32(self, v: i32) -> Written {
        self.serialize_i64(i64::from(v))
    }

    #[inline]
    fn serialize_i64(self, v: i64) -> Written {
        self.serialize_u64(zigzag(v))
    }

    fn serialize_i128(self, v: i128) -> Written {
        self.serialize_u128(zigzag_128(v))
    }

    #[inline]
    fn serialize_u8(mut self, v: u8) -> Written {
        self.byte(v);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, v: u16) -> Written {
        self.serialize_u64(u64::from(v))
    }

    #[inline]
    fn serialize_u32(self, v: u32) -> Written {
        self.serialize_u64(u64::from(v))
    }

    #[inline]
    fn serialize_u64(mut self, v: u64) -> Written {
        self.varint(v);
        Ok(())
    }

    fn serialize_u128(mut self, v: u128) -> Written {
        match u64::try_from(v) {
            Ok(short) => self.varint(short),
            Err(_) => self.tagged(SIXTEEN_BYTES, v.to_le_bytes()),
        }
        Ok(())
    }

    fn serialize_f32(self, v: f32) -> Written {
        self.0.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, v: f64) -> Written {
        self.0.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, v: char) -> Written {
        self.0.extend_from_slice(v.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Written {
        self.serialize_bytes(v.as_bytes())
    }

    #[inline]
    fn serialize_bytes(mut self, v: &[u8]) -> Written {
        self.varint(v.len() as u64);
        self.0.extend_from_slice(v);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Written {
        self.serialize_u8(0)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Written {
        self.byte(1);
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Written {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Written {
        self.serialize_u32(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Written {
        self.varint(u64::from(index));
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(mut self, length: Option<usize>) -> Result<Self, Unwritable> {
        self.length(length)?;
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _length: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, Unwritable> {
        self.varint(u64::from(index));
        Ok(self)
    }

    #[inline]
    fn serialize_map(mut self, length: Option<usize>) -> Result<Self, Unwritable> {
        self.length(length)?;
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, Unwritable> {
        self.varint(u64::from(index));
        Ok(self)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl ser::SerializeSeq for Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.again())
    }

    #[inline]
    fn end(self) -> Written {
        Ok(())
    }
}

impl ser::SerializeTuple for Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.again())
    }

    #[inline]
    fn end(self) -> Written {
        Ok(())
    }
}

impl ser::SerializeMap for Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        key.serialize(self.again())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(self.again())
    }

    #[inline]
    fn end(self) -> Written {
        Ok(())
    }
}

/// Fields follow each other, named or not.
macro_rules! fields {
    ($($compound:ident($($name:ty)?)),*) => {$(
        impl ser::$compound for Writer<'_> {
            type Ok = ();
            type Error = Unwritable;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                $(_name: $name,)?
                value: &T,
            ) -> Written {
                value.serialize(self.again())
            }

            #[inline]
            fn end(self) -> Written {
                Ok(())
            }
        }
    )*};
}

fields!(
    SerializeTupleStruct(),
    SerializeTupleVariant(),
    SerializeStruct(&'static str),
    SerializeStructVariant(&'static str)
);
