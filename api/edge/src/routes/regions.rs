//! Countries and their regions, as addresses name them.
//!
//! ISO 3166-1 codes with English names (from the public domain table of the time zone database),
//! and ISO 3166-2 codes for countries whose post needs a region. Other countries have none here,
//! and their addresses may leave it out.

use std::sync::LazyLock;

use entity::Tenant;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cursor::CursorOf;
use crate::dto::{AddressBody, List};
use crate::input::NoBody;
use crate::limits;
use crate::operation::{Caching, Operation};
use crate::problem::Problem;
use crate::refusal::field;
use crate::reply::{Json, Reply};
use crate::request::{Param, ParamKind, read_query};
use crate::route::{Call, Route, route};
use crate::routes::common::{self, CURSOR, LIMIT};

const COUNTRY: Param = Param::new(
    "country",
    ParamKind::Name { min: 2, max: 2 },
    "The regions of this country, `US`; without it: the countries.",
);

const QUERY: &[Param] = &[LIMIT, CURSOR, COUNTRY];

const LIST: Operation = Operation::get("listRegions", "/v1/regions")
    .about("Customers", "Countries, or the regions of one, by code")
    .public()
    .query(QUERY)
    .caching(Caching::Document);

/// The operations of this file.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![route(&LIST, list)]
}

common::object_word!(RegionWord = "region");

/// A country or a region of one.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Region {
    #[schema(inline)]
    object: RegionWord,
    /// Its code: `US`, `US-CA`.
    id: &'static str,
    /// Its English name.
    name: &'static str,
    /// Its country; null: it is one.
    country: Option<&'static str>,
}

/// By code.
static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let table = include_str!("../../assets/regions.tsv");
    let region = |line: &'static str| {
        let (id, name) = line.split_once('\t').expect("the table has two columns");
        let country = id.split_once('-').map(|(country, _)| country);
        Region { object: RegionWord::Word, id, name, country }
    };
    table.lines().map(region).collect()
});

/// Refuses a region that its country does not have, where the regions of the country are known.
/// Whether both are codes at all is the entity's to say.
pub(crate) fn check_region(address: &AddressBody, pointer: &str) -> Result<(), Problem> {
    let Some(region) = address.region.as_deref() else { return Ok(()) };
    let of_country = |known: &&Region| known.country == Some(address.country.as_str());
    let known: Vec<_> = REGIONS.iter().filter(of_country).collect();
    if known.is_empty() || known.iter().any(|known| known.id == region) {
        return Ok(());
    }
    let detail = "is no region of the country; GET /v1/regions lists them";
    Err(field(&format!("{pointer}/region"), "unknown", detail))
}

async fn list(call: Call<NoBody>) -> Result<Reply<Json<List<Region>>>, Problem> {
    // The regions of the world are no shop's.
    let everywhere = Tenant::new("");
    let cursor = CursorOf::public("regions", &everywhere, &call.raw_query);
    let sealer = call.edge.authority().keys().sealer();
    let text = call.query.get("cursor");
    let after: Option<String> = text.map(|text| cursor.open(sealer, text)).transpose()?;
    let filter_text = cursor.filter(sealer, text);
    let filter = read_query(QUERY, &filter_text)?;
    let limit = common::limit(&call, limits::PAGE_DEFAULT) as usize;
    let wanted = REGIONS
        .iter()
        .filter(|region| region.country == filter.get("country"))
        .filter(|region| after.as_deref().is_none_or(|after| region.id > after));
    let mut page: Vec<Region> = wanted.take(limit + 1).copied().collect();
    let has_more = page.len() > limit;
    page.truncate(limit);
    let cursor = CursorOf::public("regions", &everywhere, &filter_text);
    let next = page.last().filter(|_| has_more).map(|last| cursor.seal(sealer, last.id));
    let list = List::new(page, next);
    let tag = common::weak_tag(&list);
    let reply = Reply::page(list, &call.raw_path, &call.raw_query).tag(tag);
    std::future::ready(Ok(reply)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, get};

    #[test]
    fn codes_are_in_order_and_regions_have_their_country() {
        assert!(REGIONS.windows(2).all(|pair| pair[0].id < pair[1].id));
        for region in REGIONS.iter() {
            assert!(!region.name.is_empty(), "{region:?}");
            let country = region.country.unwrap_or(region.id);
            assert!(REGIONS.iter().any(|known| known.id == country), "{region:?}");
        }
    }

    #[actix_web::test]
    async fn countries_and_regions_are_paged() {
        let world = World::demo().await;
        let (mut uri, mut found) = ("/v1/regions?country=US&limit=30".to_owned(), Vec::new());
        loop {
            let body = world.send(get(&uri)).await.json();
            found.extend(body["data"].as_array().unwrap().clone());
            let Some(next) = body["next"].as_str() else { break };
            uri = format!("/v1/regions?limit=30&cursor={next}");
        }
        assert_eq!(found.len(), 57, "50 states, a district, 6 outlying areas");
        assert!(found.iter().any(|region| region["id"] == "US-CA"));
        let countries = world.send(get("/v1/regions?limit=100")).await.json();
        assert_eq!(countries["data"][0]["id"], "AD");
        assert_eq!(countries["data"][0]["country"], serde_json::Value::Null);
        assert_eq!(countries["has_more"], true);
        // Who signs in meanwhile goes on where they were.
        let token = world.token("login_hint=alice").await;
        let next = format!("/v1/regions?cursor={}", countries["next"].as_str().unwrap());
        let next = world.send(get(&next).bearer(&token)).await;
        assert_eq!(next.status, 200, "{}", next.text());
    }
}
