//! Contract of views: order, ranges, cursor beside the rows.

use entity::ShardId;

use crate::{Store, ViewRow, ViewWrite};

const VIEW: &str = "contract.orders";

/// Holds a store to its promises about views. `store` has no views yet.
pub async fn views(store: &dyn Store) {
    cursors_move_with_rows(store).await;
    an_older_cursor_changes_nothing(store).await;
    ranges(store).await;
}

fn put(key: &[u8], value: &[u8]) -> ViewWrite {
    ViewWrite::Put(ViewRow { key: key.to_vec(), value: value.to_vec() })
}

async fn cursors_move_with_rows(store: &dyn Store) {
    let (a, b) = (ShardId(0), ShardId(1));
    assert_eq!(store.view_cursor(VIEW, a).await.expect("answers"), 0);
    assert_eq!(store.row(VIEW, b"k").await.expect("answers"), None);
    store.apply(VIEW, a, 7, vec![put(b"k", b"1"), put(b"l", b"2")]).await.expect("answers");
    store.apply(VIEW, b, 3, vec![put(b"k", b"3")]).await.expect("answers");
    store.apply(VIEW, a, 9, Vec::new()).await.expect("a cursor may move alone");
    assert_eq!(store.view_cursor(VIEW, a).await.expect("answers"), 9);
    assert_eq!(store.view_cursor(VIEW, b).await.expect("answers"), 3);
    assert_eq!(store.row(VIEW, b"k").await.expect("answers"), Some(b"3".to_vec()), "last wins");
    let other = store.view_cursor("contract.order", a).await.expect("answers");
    assert_eq!(other, 0, "views do not see each other");
    assert_eq!(store.row("contract.order", b"sk").await.expect("answers"), None);

    let writes = vec![ViewWrite::Delete(b"k".to_vec()), put(b"m", b"4"), put(b"m", b"5")];
    store.apply(VIEW, a, 10, writes).await.expect("answers");
    assert_eq!(store.row(VIEW, b"k").await.expect("answers"), None, "deleted");
    assert_eq!(store.row(VIEW, b"m").await.expect("answers"), Some(b"5".to_vec()), "in order");
    let again = vec![put(b"n", b""), ViewWrite::Delete(b"n".to_vec()), put(b"n", b"6")];
    store.apply(VIEW, a, 11, again).await.expect("answers");
    assert_eq!(store.row(VIEW, b"n").await.expect("answers"), Some(b"6".to_vec()), "in order");
}

async fn an_older_cursor_changes_nothing(store: &dyn Store) {
    let (view, a, b) = ("contract.late", ShardId(0), ShardId(1));
    assert!(store.apply(view, a, 7, vec![put(b"k", b"new")]).await.expect("answers"));
    let late = vec![put(b"k", b"old"), put(b"l", b"old")];
    assert!(!store.apply(view, a, 6, late).await.expect("answers"), "and says so");
    assert_eq!(store.row(view, b"k").await.expect("answers"), Some(b"new".to_vec()));
    assert_eq!(store.row(view, b"l").await.expect("answers"), None);
    assert_eq!(store.view_cursor(view, a).await.expect("answers"), 7);
    assert!(store.apply(view, a, 7, vec![put(b"k", b"again")]).await.expect("answers"));
    assert_eq!(store.row(view, b"k").await.expect("answers"), Some(b"again".to_vec()));
    store.apply(view, b, 1, vec![put(b"m", b"1")]).await.expect("answers");
    assert_eq!(store.row(view, b"m").await.expect("answers"), Some(b"1".to_vec()));
}

async fn ranges(store: &dyn Store) {
    let view = "contract.ranges";
    let keys: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"aa", b"b", b"\xff\xff"];
    let writes = keys.iter().map(|key| put(key, key)).collect();
    store.apply(view, ShardId(0), 1, writes).await.expect("answers");
    store.apply("contract.range", ShardId(0), 1, vec![put(b"x", b"x")]).await.expect("answers");
    store.apply("contract.rangest", ShardId(0), 1, vec![put(b"x", b"x")]).await.expect("answers");
    let scan = |from: &'static [u8], to: &'static [u8], backward, limit| async move {
        let rows = store.scan(view, from, to, backward, limit).await.expect("answers");
        assert!(rows.iter().all(|row| row.key == row.value), "values belong to their keys");
        rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    let end: &[u8] = b"\xff\xff\xff";
    assert_eq!(scan(b"", end, false, 100).await, keys, "byte-wise order");
    assert_eq!(scan(b"a", b"b", false, 100).await, keys[2..5], "from is in, to is not");
    assert_eq!(scan(b"a", b"b", false, 2).await, keys[2..4], "limit");
    assert_eq!(scan(b"a", b"b", true, 2).await, [keys[4], keys[3]], "backward: greatest first");
    let mut reversed = keys;
    reversed.reverse();
    assert_eq!(scan(b"", end, true, 100).await, reversed, "backward over all");
    assert_eq!(scan(b"b", b"a", false, 100).await, [] as [&[u8]; 0], "an empty range");
    assert_eq!(scan(b"a", b"a", true, 100).await, [] as [&[u8]; 0], "an empty range");
    assert_eq!(scan(b"", end, false, 0).await, [] as [&[u8]; 0], "no rows were asked for");
}
