//! The address book: at most fifty addresses, one of them the default.
//!
//! The first address is the default until another one is put as it. When the default goes, the
//! oldest takes its place. What an address is stands in its version; which one is the default is
//! the book's.

use commerce::customer::{self, Address, SavedAddress};
use entity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ask, made, read};
use crate::dto::{AddressBody, List};
use crate::input::NoBody;
use crate::operation::Operation;
use crate::problem::Problem;
use crate::reply::{Empty, Json, Reply};
use crate::request::{Param, ParamKind};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT, if_version};
use crate::routes::regions::check_region;

const ADDRESS: Param =
    Param::new("id", ParamKind::Name { min: 1, max: 64 }, "An address's id, chosen by the client.");

const LIST_ADDRESSES: Operation = Operation::get("listAddresses", "/v1/me/addresses")
    .about("Customers", "The caller's address book, oldest first")
    .scoped(Scope::OrdersRead)
    .query(&[LIMIT, CURSOR]);

const PUT_ADDRESS: Operation = Operation::put("putAddress", "/v1/me/addresses/{id}")
    .about("Customers", "Adds or replaces an address")
    .scoped(Scope::OrdersWrite)
    .params(&[ADDRESS])
    .statuses(&[200, 201])
    .if_match()
    .minimal();

const DELETE_ADDRESS: Operation = Operation::delete("deleteAddress", "/v1/me/addresses/{id}")
    .about("Customers", "Takes an address out of the book")
    .scoped(Scope::OrdersWrite)
    .params(&[ADDRESS])
    .if_match();

/// The operations of this file.
#[must_use]
pub(super) fn routes() -> Vec<Route> {
    vec![
        route(&LIST_ADDRESSES, list_addresses),
        route(&PUT_ADDRESS, put_address),
        route(&DELETE_ADDRESS, delete_address),
    ]
}

common::object_word!(AddressWord = "address");

/// An address of the book.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedAddress)]
pub(super) struct SavedAddressBody {
    #[schema(inline)]
    object: AddressWord,
    /// Its id, chosen by the client.
    id: String,
    /// Its version.
    version: u64,
    /// Whether it is the default.
    is_default: bool,
    /// Who receives.
    name: String,
    /// Street and number.
    line1: String,
    /// Further line.
    line2: Option<String>,
    /// City.
    city: String,
    /// ISO 3166-2 code.
    region: Option<String>,
    /// Postal code.
    postal_code: String,
    /// ISO 3166-1 alpha-2 code.
    country: String,
    /// Telephone.
    phone: Option<String>,
}

impl From<&SavedAddress> for SavedAddressBody {
    fn from(saved: &SavedAddress) -> Self {
        let AddressBody { name, line1, line2, city, region, postal_code, country, phone } =
            AddressBody::from(&saved.address);
        Self {
            object: AddressWord::Word,
            id: saved.id.to_string(),
            version: saved.version,
            is_default: saved.is_default,
            name,
            line1,
            line2,
            city,
            region,
            postal_code,
            country,
            phone,
        }
    }
}

/// An address for the book.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutAddress {
    /// Whether it becomes the default; false or absent: the default stays where it is.
    #[serde(default)]
    is_default: bool,
    /// Who receives.
    name: String,
    /// Street and number.
    line1: String,
    /// Further line.
    line2: Option<String>,
    /// City.
    city: String,
    /// ISO 3166-2 code: `US-CA`.
    region: Option<String>,
    /// Postal code.
    postal_code: String,
    /// ISO 3166-1 alpha-2 code: `US`.
    country: String,
    /// Telephone.
    phone: Option<String>,
}

impl PutAddress {
    /// The address, and whether it becomes the default.
    fn parts(self) -> (AddressBody, bool) {
        let address = AddressBody {
            name: self.name,
            line1: self.line1,
            line2: self.line2,
            city: self.city,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
            phone: self.phone,
        };
        (address, self.is_default)
    }
}

fn book(view: customer::View) -> Result<Vec<SavedAddress>, Problem> {
    match view {
        customer::View::Addresses(saved) => Ok(saved),
        other => Err(common::unexpected(&other)),
    }
}

async fn list_addresses(
    call: Call<NoBody>,
) -> Result<Reply<Json<List<SavedAddressBody>>>, Problem> {
    let saved = book(read(&call, customer::Query::Addresses).await?)?;
    let (page, next) = common::page_of(&call, "addresses", saved, |it| it.id.to_string())?;
    let data = page.iter().map(SavedAddressBody::from).collect();
    Ok(Reply::page(List::new(data, next), &call.raw_path, &call.raw_query))
}

async fn put_address(
    call: Call<Json<PutAddress>>,
) -> Result<Reply<Json<SavedAddressBody>>, Problem> {
    let (address, as_default) = call.body.0.clone().parts();
    check_region(&address, "")?;
    let id = call.path.expect("id");
    let command = customer::Command::PutAddress {
        id: id.into(),
        address: Address::from(address),
        as_default,
        if_version: if_version(call.condition),
    };
    let reply = ask(&call, &command).await?;
    let saved = book(made(&call, &reply, customer::Query::Addresses).await?)?;
    let saved = saved.iter().find(|saved| saved.id == id);
    let saved = saved.ok_or_else(|| common::unexpected(&reply.value))?;
    let version = saved.version;
    let body = SavedAddressBody::from(saved);
    let path = format!("/v1/me/addresses/{id}");
    let created = matches!(reply.value, customer::Reply::AddressPut { created: true });
    let shown = if created { Reply::created(body) } else { Reply::ok(body) };
    Ok(shown.location(path).version(version))
}

async fn delete_address(call: Call<NoBody>) -> Result<Reply<Empty>, Problem> {
    let command = customer::Command::DeleteAddress {
        id: call.path.expect("id").into(),
        if_version: if_version(call.condition),
    };
    ask(&call, &command).await?;
    Ok(Reply::no_content())
}
