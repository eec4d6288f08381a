//! Links of the document: which reply names the thing that another operation works on.
//!
//! A client generator or a tester follows them: the id of a reply goes into a path, its tag into
//! `If-Match`. A test holds the names to the operations that there are.

use serde_json::{Map, Value, json};

/// From a reply to an operation.
struct Link {
    from: &'static str,
    statuses: &'static [u16],
    to: &'static str,
    /// Parameters of the target and where they stand in the reply or its request.
    with: &'static [(&'static str, &'static str)],
}

const MADE: &[u16] = &[200, 201];
const PLACED: &[u16] = &[201, 202];
const READ: &[u16] = &[200];

const ID: (&str, &str) = ("id", "$response.body#/id");
const FIRST_ID: (&str, &str) = ("id", "$response.body#/data/0/id");
const SAME_ID: (&str, &str) = ("id", "$request.path.id");
const SKU: (&str, &str) = ("sku", "$response.body#/sku");
const TAG: (&str, &str) = ("If-Match", "$response.header.ETag");

const fn link(
    from: &'static str,
    statuses: &'static [u16],
    to: &'static str,
    with: &'static [(&'static str, &'static str)],
) -> Link {
    Link { from, statuses, to, with }
}

const LINKS: &[Link] = &[
    link("putCart", MADE, "getCart", &[ID]),
    link("putCart", MADE, "updateCart", &[ID, TAG]),
    link("putCart", MADE, "putCartLine", &[ID, TAG]),
    link("putCart", MADE, "quoteCart", &[ID]),
    link("getMyCart", READ, "updateCart", &[ID, TAG]),
    link("getMyCart", READ, "putCartLine", &[ID, TAG]),
    link("getMyCart", READ, "mergeCart", &[ID]),
    link("putCartLine", READ, "deleteCartLine", &[SAME_ID, ("sku", "$request.path.sku"), TAG]),
    link("placeOrder", PLACED, "getOrder", &[ID]),
    link("placeOrder", PLACED, "getTimeline", &[ID]),
    link("placeOrder", PLACED, "listShipments", &[ID]),
    link("placeOrder", PLACED, "cancelOrder", &[ID]),
    link("placeOrder", PLACED, "confirmReceipt", &[ID]),
    link("listMyOrders", READ, "getOrder", &[FIRST_ID]),
    link("listMyOrders", READ, "getTimeline", &[FIRST_ID]),
    link("listMyOrders", READ, "listShipments", &[FIRST_ID]),
    link("listMyOrders", READ, "cancelOrder", &[FIRST_ID]),
    link("listMyOrders", READ, "confirmReceipt", &[FIRST_ID]),
    link("listOrders", READ, "releaseOrder", &[FIRST_ID]),
    link("listShipments", READ, "getShipment", &[FIRST_ID]),
    link("listShipments", READ, "dispatchShipment", &[FIRST_ID]),
    link("listShipments", READ, "addTracking", &[FIRST_ID]),
    link("listShipments", READ, "recordCod", &[FIRST_ID]),
    link("putAddress", MADE, "deleteAddress", &[ID, TAG]),
    link("listAddresses", READ, "deleteAddress", &[FIRST_ID]),
    link("getMe", READ, "updateMe", &[TAG]),
    link("registerCustomer", MADE, "updateMe", &[TAG]),
    link("listProducts", READ, "getProduct", &[FIRST_ID]),
    link("putProduct", MADE, "getProduct", &[ID]),
    link("getProduct", READ, "putProduct", &[ID, TAG]),
    link("putSku", MADE, "getSku", &[SKU]),
    link("putSku", MADE, "getStock", &[SKU]),
    link("putSku", MADE, "adjustStock", &[SKU]),
    link("getStock", READ, "adjustStock", &[SKU]),
    link("getStock", READ, "listHolds", &[SKU]),
    link("getStock", READ, "listMovements", &[SKU]),
];

/// The links of one reply.
pub(super) fn of(operation: &str, status: u16) -> Map<String, Value> {
    LINKS
        .iter()
        .filter(|link| link.from == operation && link.statuses.contains(&status))
        .map(|link| {
            let parameters: Map<String, Value> = link
                .with
                .iter()
                .map(|(name, place)| ((*name).to_owned(), Value::from(*place)))
                .collect();
            let described = json!({"operationId": link.to, "parameters": parameters});
            (link.to.to_owned(), described)
        })
        .collect()
}

/// Operations that the links name.
#[cfg(test)]
pub(crate) fn named() -> impl Iterator<Item = &'static str> {
    LINKS.iter().flat_map(|link| [link.from, link.to])
}
