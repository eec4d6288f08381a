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
    let rig = Rig::new().await;
    // The first receipt is movement 1.
    let mut n_made = 1;
    while n_made < 230 {
        n_made = adjusted(&rig, n_made).await;
    }
    for limit in [1, 7, 100] {
        let stock = rig.send(get("/v1/stock/tea-1").bearer(&rig.staff)).await.json();
        let wanted: Vec<String> = (1..=n_made).rev().map(|n| format!("mov_{n}")).collect();
        let mut path = format!("/v1/stock/tea-1/movements?limit={limit}");
        let (mut ids, mut sum) = (Vec::new(), 0);
        loop {
            let page = rig.send(get(&path).bearer(&rig.staff)).await.json();
            let data = page["data"].as_array().unwrap();
            assert!((1..=limit).contains(&data.len()), "{page}");
            ids.extend(data.iter().map(|movement| movement["id"].as_str().unwrap().to_owned()));
            sum += data.iter().map(|movement| movement["qty"].as_i64().unwrap()).sum::<i64>();
            assert_eq!(page["has_more"], ids.len() < wanted.len(), "after {}", ids.len());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/stock/tea-1/movements?limit={limit}&cursor={next}");
            if limit == 7 {
                // What happens between two pages belongs to none of those that follow.
                n_made = adjusted(&rig, n_made).await;
            }
        }
        assert_eq!(ids, wanted, "each once, by pages of {limit}");
        assert_eq!(stock["locations"][0]["on_hand"], sum, "I6: {stock}");
    }
}

/// Another adjustment: by one and by two units, by turns. Returns how many movements there are.
async fn adjusted(rig: &Rig, n_made: u64) -> u64 {
    let adjust = post("/v1/stock/tea-1/adjustments").bearer(&rig.staff);
    let body = format!(r#"{{"location":"main","delta":{},"reason":"found"}}"#, 1 + n_made % 2);
    let key = format!("movement-{n_made}");
    let adjusted = rig.send(adjust.header("idempotency-key", &key).json(&body)).await;
    assert_eq!(adjusted.status, 200, "{}", adjusted.text());
    n_made + 1
}
