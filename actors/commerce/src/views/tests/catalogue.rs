//! Products and SKUs in lists.

use compact_str::CompactString;
use entity::EntityKey;
use expect_test::expect;
use uuid::Uuid;

use super::{Rows, tenant};
use crate::keys;
use crate::money::{Ccy, Money};
use crate::product::{self, About, Status};
use crate::sku::{self, Availability, Left};
use crate::views::Sort;
use crate::views::catalogue::{
    ProductList, SkuRow, category_of, next_category, read_sku, sku_row_key, skus_of,
};

fn product(id: &str) -> EntityKey {
    keys::product(&tenant(), id)
}

fn put(title: &str, category: &str, status: Status) -> product::Event {
    let (title, category) = (title.into(), category.into());
    product::Event::Put(About { title, status, category })
}

fn listed(rows: &Rows, category: Option<&str>) -> Vec<String> {
    let category = category.map(CompactString::new);
    let list = ProductList { tenant: tenant(), category, sort: Sort::NewestFirst };
    let key = |entry| list.key(entry).unwrap().public("");
    rows.page(list.clone(), 100, None).entries.iter().map(key).collect()
}

#[test]
fn products_on_sale_stand_in_their_category() {
    let mut rows = Rows::catalogue();
    let linked = product::Event::SkuLinked { sku: "s-1".into() };
    rows.happen(&product("cup"), 5, &linked);
    assert_eq!(listed(&rows, None), [] as [&str; 0], "not before staff put it");
    rows.happen(&product("cup"), 10, &put("Cup", "kitchen", Status::Active));
    rows.happen(&product("pot"), 20, &put("Pot", "kitchen", Status::Active));
    rows.happen(&product("lamp"), 15, &put("Lamp", "light", Status::Active));
    assert_eq!(listed(&rows, None), ["pot", "lamp", "cup"], "newest first");
    assert_eq!(listed(&rows, Some("kitchen")), ["pot", "cup"]);
    assert_eq!(listed(&rows, Some("kitche")), [] as [&str; 0]);

    rows.happen(&product("cup"), 30, &put("Cup", "light", Status::Active));
    assert_eq!(listed(&rows, Some("kitchen")), ["pot"]);
    assert_eq!(listed(&rows, Some("light")), ["lamp", "cup"], "its first time stays");
    rows.happen(&product("lamp"), 40, &put("Lamp", "light", Status::Archived));
    assert_eq!(listed(&rows, None), ["pot", "cup"]);
    rows.happen(&product("lamp"), 50, &put("Lamp", "light", Status::Active));
    assert_eq!(listed(&rows, None), ["pot", "lamp", "cup"]);
    let list = ProductList { tenant: tenant(), category: None, sort: Sort::NewestFirst };
    assert_eq!(rows.page(list, 1, None).entries[0].row.version, 1);
}

#[test]
fn categories_are_found_one_by_one() {
    let mut rows = Rows::catalogue();
    for (n, category) in ["b", "a", "b", "ab", "c"].into_iter().enumerate() {
        let id = format!("p-{n}");
        rows.happen(&product(&id), n as u64, &put("P", category, Status::Active));
    }
    rows.happen(&product("p-4"), 9, &put("P", "c", Status::Archived));
    let mut found: Vec<CompactString> = Vec::new();
    while let Some((_, value)) =
        rows.scan(&next_category(&tenant(), found.last().map(CompactString::as_str))).pop()
    {
        found.push(category_of(&value).unwrap().unwrap());
    }
    assert_eq!(found, ["a", "ab", "b"]);
}

fn skus(rows: &Rows, product_id: &str) -> Vec<(String, SkuRow)> {
    let found = rows.scan(&skus_of(&tenant(), product_id)).into_iter();
    found.map(|(key, value)| read_sku(&tenant(), product_id, &key, &value).unwrap()).collect()
}

fn price(minor: i64) -> Money {
    Money { minor, ccy: Ccy::parse("USD").unwrap() }
}

#[test]
fn a_sku_follows_its_words_and_not_its_units() {
    let mut rows = Rows::catalogue();
    let key = keys::sku(&tenant(), "cup-red");
    let left = |units, turned| Left { units, turned };
    let put = |product: &str| sku::Event::Put { product_id: product.into(), title: "Red".into() };
    let set = |book: &str, minor, price_version| sku::Event::PriceSet {
        book: book.into(),
        amount: price(minor),
        price_version,
    };
    rows.happen(&key, 1, &put("cup"));
    rows.happen(&key, 2, &set("default", 500, 1));
    rows.happen(&key, 3, &set("agents", 400, 2));
    rows.happen(&key, 4, &set("default", 450, 3));
    let stocked =
        sku::Event::Released { hold_id: Uuid::nil(), left: left(9, Some(Availability::InStock)) };
    rows.happen(&key, 5, &stocked);
    let taken = sku::Event::Released { hold_id: Uuid::nil(), left: left(7, None) };
    assert_eq!(rows.happen(&key, 6, &taken), 0, "units alone change no row");
    assert_eq!(rows.happen(&key, 7, &sku::Event::Pinned { hold_id: Uuid::nil() }), 0);

    let mut found = skus(&rows, "cup");
    assert_eq!(found.len(), 1);
    let (code, row) = found.remove(0);
    assert_eq!(code, "cup-red");
    assert_eq!(row.prices, [("agents".into(), price(400)), ("default".into(), price(450))]);
    assert_eq!((row.availability, row.price_version, row.version), (Availability::InStock, 3, 5));
    let state: SkuRow = codec::from_bytes(&rows.rows[&sku_row_key(&tenant(), "cup-red")]).unwrap();
    assert_eq!(state, row);

    rows.happen(&key, 8, &put("mug"));
    rows.happen(&key, 9, &sku::Event::ArchivedSet { archived: true });
    assert_eq!(skus(&rows, "cup"), []);
    assert!(skus(&rows, "mug")[0].1.archived);
    assert_eq!(skus(&rows, "mu"), []);
}

#[test]
fn stock_may_come_before_words() {
    let mut rows = Rows::catalogue();
    let key = keys::sku(&tenant(), "x");
    let left = Left { units: 3, turned: Some(Availability::Low) };
    let policy =
        sku::Event::PolicySet { location: "main".into(), safety: 0, oversell_limit: 3, left };
    rows.happen(&key, 1, &policy);
    assert_eq!(rows.rows.len(), 1, "known, not listed");
    rows.happen(&key, 2, &sku::Event::Put { product_id: "p".into(), title: "X".into() });
    assert_eq!(skus(&rows, "p")[0].1.availability, Availability::Low);
}

/// Other bytes need another version of the view.
#[test]
fn keys_and_rows_are_these_bytes() {
    let mut rows = Rows::catalogue();
    rows.happen(&product("cup"), 1_795_000_000_000, &put("Cup", "kitchen", Status::Active));
    let key = keys::sku(&tenant(), "cup-red");
    rows.happen(&key, 1, &sku::Event::Put { product_id: "cup".into(), title: "Red".into() });
    let amount = price(1099);
    let set = sku::Event::PriceSet { book: "default".into(), amount, price_version: 1 };
    rows.happen(&key, 2, &set);
    let mut text = String::new();
    for (key, row) in &rows.rows {
        text.push_str(&format!("{}\n    = {}\n", super::hex(key), super::hex(row)));
    }
    expect![[r#"
        0161636d6500016375700001
            = 01fd005e56eea1010000010343757000076b69746368656e01
        0261636d650001fffffe5e11a9a1ff6375700001
            = 01fd005e56eea1010000010343757000076b69746368656e01
        0361636d6500016b69746368656e0001fffffe5e11a9a1ff6375700001
            = 01fd005e56eea1010000010343757000076b69746368656e01
        0461636d6500016375702d7265640001
            = 036375700352656400010764656661756c74fb9608555344010002
        0561636d65000163757000016375702d7265640001
            = 036375700352656400010764656661756c74fb9608555344010002
    "#]]
    .assert_eq(&text);
}
