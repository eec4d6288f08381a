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
