//! What a product can be asked, what it shows, and how it refuses.

use compact_str::CompactString;
use entity::Answer;
use serde::{Deserialize, Serialize};

use super::Product;
use super::event::Status;
use crate::sku::text::Invalid;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Anyone: the product. An archived one too, because orders name it.
    Get,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// To [`Query::Get`].
    Product(ProductView),
}

/// The public product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductView {
    /// Its id.
    pub id: CompactString,
    /// Its title.
    pub title: CompactString,
    /// Whether it is sold.
    pub status: Status,
    /// Its category.
    pub category: CompactString,
    /// Codes of its SKUs, in order.
    pub skus: Vec<CompactString>,
    /// Version of the product.
    pub version: u64,
}

/// How a product says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// There is no such product.
    NotFound,
    /// Not for this principal, or not by this way.
    Forbidden,
    /// Not the expected version.
    VersionMismatch {
        /// The present version.
        version: u64,
    },
    /// A field is not acceptable.
    Validation {
        /// Which: `/title`.
        pointer: CompactString,
        /// Why, for programs.
        code: CompactString,
        /// Why, for people.
        detail: CompactString,
    },
    /// It has [`super::SKUS_MAX`] SKUs.
    TooManySkus,
}

impl From<Invalid> for Rejection {
    fn from(Invalid { pointer, code, detail }: Invalid) -> Self {
        Self::Validation {
            pointer: CompactString::const_new(pointer),
            code: CompactString::const_new(code),
            detail: CompactString::const_new(detail),
        }
    }
}

pub(super) fn answer(product: &Product, query: &Query) -> Answer<View, Rejection> {
    match query {
        Query::Get => match product.view() {
            Some(view) => Answer::Ready(View::Product(view)),
            None => Answer::Rejected(Rejection::NotFound),
        },
    }
}

impl Product {
    pub(super) fn view(&self) -> Option<ProductView> {
        self.about.as_ref().map(|about| ProductView {
            id: self.id.clone(),
            title: about.title.clone(),
            status: about.status,
            category: about.category.clone(),
            skus: self.skus.iter().cloned().collect(),
            version: self.version,
        })
    }
}
