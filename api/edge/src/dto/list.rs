//! The envelope of lists: `{"object":"list","data":[..],"has_more":false,"next":null}`.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::schema::{Array, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List<T> {
    object: &'static str,
    /// The items of this page.
    pub data: Vec<T>,
    /// Whether there are more behind them.
    pub has_more: bool,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A page; `next` is the cursor of the one behind it.
    #[must_use]
    pub const fn new(data: Vec<T>, next: Option<String>) -> Self {
        Self { object: "list", data, has_more: next.is_some(), next }
    }
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .enum_values(Some(["list"]));
        ObjectBuilder::new()
            .property("object", word)
            .property("data", Array::new(Ref::from_schema_name(T::name())))
            .property("has_more", bool::schema())
            .property("next", Option::<String>::schema())
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}List", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// A page over shards, and those that it does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardsList<T> {
    #[serde(flatten)]
    list: List<T>,
    /// Shards that did not answer: what waits in them is not here.
    shards_missing: Vec<u16>,
}

impl<T> ShardsList<T> {
    /// A page without what is in these shards.
    #[must_use]
    pub const fn new(list: List<T>, shards_missing: Vec<u16>) -> Self {
        Self { list, shards_missing }
    }
}

impl<T: ToSchema> PartialSchema for ShardsList<T> {
    fn schema() -> RefOr<Schema> {
        match List::<T>::schema() {
            RefOr::T(Schema::Object(list)) => {
                ObjectBuilder::from(list).property("shards_missing", Vec::<u16>::schema()).into()
            }
            other => other,
        }
    }
}

impl<T: ToSchema> ToSchema for ShardsList<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}ShardsList", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        List::<T>::schemas(schemas);
    }
}
