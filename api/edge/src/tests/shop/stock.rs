//! Stock as staff sees it.

use super::rig::Rig;
use crate::testing::{get, post};

#[actix_web::test]
async fn an_adjustment_is_the_newest_movement() {
    let rig = Rig::new().await;
    let adjust = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
    let adjust = adjust.header("idempotency-key", "a1");
    let body = r#"{"location":"main","delta":-3,"reason":"damaged"}"#;
    let adjusted = rig.send(adjust.json(body)).await;
    assert_eq!(adjusted.status, 200, "{}", adjusted.text());
    let adjusted = adjusted.json();
    assert_eq!(
        (&adjusted["object"], &adjusted["stock"]["object"]),
        (&"adjustment".into(), &"stock".into())
    );
    assert_eq!(adjusted["stock"]["available"], 7);
    let movements = rig.send(get("/v1/stock/tea-1/movements").bearer(&rig.staff)).await.json();
    let newest = &movements["data"][0];
    assert_eq!((&newest["object"], &newest["qty"]), (&"movement".into(), &(-3).into()));
    assert_eq!(*newest, adjusted["movement"]);
    assert_eq!(movements["data"].as_array().unwrap().len(), 2, "the receipt, and this");
}

#[actix_web::test]
async fn movements_are_listed_to_the_first_one() {
    const N: usize = 230;
    let rig = Rig::new().await;
    for n in 1..N {
        let key = format!("movement-{n}");
        let adjust = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
        let body = r#"{"location":"main","delta":1,"reason":"found"}"#;
        let adjusted = rig.send(adjust.header("idempotency-key", &key).json(body)).await;
        assert_eq!(adjusted.status, 200, "{}", adjusted.text());
    }
    for limit in [1, 7, 100] {
        let mut path = format!("/v1/stock/tea-1/movements?limit={limit}");
        let mut quantities = Vec::new();
        loop {
            let page = rig.send(get(&path).bearer(&rig.staff)).await.json();
            let data = page["data"].as_array().unwrap();
            assert!((1..=limit).contains(&data.len()), "{page}");
            quantities.extend(data.iter().map(|movement| movement["qty"].as_i64().unwrap()));
            assert_eq!(page["has_more"], quantities.len() < N, "after {}", quantities.len());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/stock/tea-1/movements?limit={limit}&cursor={next}");
        }
        let stock = rig.send(get("/v1/stock/tea-1").bearer(&rig.staff)).await.json();
        assert_eq!(quantities.len(), N, "each once, by pages of {limit}");
        let on_hand = &stock["locations"][0]["on_hand"];
        assert_eq!(*on_hand, quantities.iter().sum::<i64>(), "I6: {stock}");
        assert_eq!(quantities.last(), Some(&10), "the first receipt is the oldest");
    }
}
