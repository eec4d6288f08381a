//! What the shop publishes: the types of its events, and what their data holds.
//!
//! The structs that are written and the table that documents are made of come from one
//! declaration, and publishing an event of a type that is not in the table is a bug that asserts.
//! It knows no bus and no document format.

use entity::{EventContext, Publication};
use serde::Serialize;

use crate::money::{Ccy, Money};
use crate::{customer, keys, order, shipment, sku};

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// Yes or no.
    Flag,
    /// An integer from 0.
    Count,
    /// An integer.
    Integer,
    /// An object.
    Object(&'static [Field]),
    /// A list of objects.
    List(&'static [Field]),
}

/// A member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its form.
    pub form: Form,
    /// Whether it is there in every event; others only where the event says it.
    pub is_always: bool,
    /// What it means.
    pub about: &'static str,
}

/// The public face of one kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Face {
    /// First token of its subjects: `orders`; in capitals the name of its stream.
    pub domain: &'static str,
    /// The types of its events: `order.placed`.
    pub types: &'static [&'static str],
    /// Version of the data's schema.
    pub data_version: u16,
    /// What the data holds.
    pub fields: &'static [Field],
}

/// Everything that is published.
pub const FACES: [&Face; 4] = [&order::FACE, &sku::FACE, &shipment::FACE, &customer::FACE];

impl Face {
    /// The publication of an event. Panics when the type is not one of the face's.
    pub(crate) fn publication(
        &self,
        ctx: &EventContext<'_>,
        subject: String,
        event_type: &'static str,
        data: &impl Serialize,
    ) -> Publication {
        assert!(self.types.contains(&event_type), "{event_type} is not described");
        Publication {
            event_type,
            domain: self.domain,
            partition_key: keys::partition_key(ctx.key),
            subject,
            data_version: self.data_version,
            data: serde_json::to_vec(data).expect("a struct of texts and numbers is JSON"),
        }
    }
}

/// Declares data as a struct that is written and as a table of its fields. What stands behind
/// `optional` is left out when the event does not say it.
macro_rules! data {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<$life:lifetime> as $table:ident {
            $($field:ident: $type:ty = $form:expr, $about:literal;)*
        }
        $(optional {
            $($may:ident: $may_type:ty = $may_form:expr, $may_about:literal;)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, serde::Serialize)]
        $vis struct $name<$life> {
            $($vis $field: $type,)*
            $($(
                #[serde(skip_serializing_if = "Option::is_none")]
                $vis $may: Option<$may_type>,
            )*)?
        }

        $vis const $table: &[$crate::published::Field] = &[
            $($crate::published::Field {
                name: stringify!($field),
                form: $form,
                is_always: true,
                about: $about,
            },)*
            $($($crate::published::Field {
                name: stringify!($may),
                form: $may_form,
                is_always: false,
                about: $may_about,
            },)*)?
        ];
    };
}
pub(crate) use data;

data! {
    /// An amount as the edge shows one.
    pub(crate) struct Amount<'a> as AMOUNT {
        amount: i64 = Form::Integer, "Minor units.";
        currency: &'a str = Form::Text, "The currency.";
    }
}

impl<'a> Amount<'a> {
    /// `minor` units of `ccy`.
    pub(crate) fn new(minor: i64, ccy: &'a Ccy) -> Self {
        Self { amount: minor, currency: ccy.code() }
    }

    /// That amount.
    pub(crate) fn of(money: &'a Money) -> Self {
        Self::new(money.minor, &money.ccy)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn types_belong_to_one_face_and_fields_to_one_place() {
        let mut types = BTreeSet::new();
        let mut domains = BTreeSet::new();
        for face in FACES {
            assert!(domains.insert(face.domain));
            for event_type in face.types {
                assert!(types.insert(event_type), "{event_type} is there twice");
                assert!(event_type.contains('.'), "{event_type} names no event");
            }
            check(face.fields);
        }
    }

    fn check(fields: &[Field]) {
        let names: BTreeSet<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), fields.len(), "{fields:?}");
        for field in fields {
            match field.form {
                Form::Object(fields) | Form::List(fields) => check(fields),
                Form::Text | Form::Flag | Form::Count | Form::Integer => {}
            }
        }
    }
}
