//! Contract of named values, cursors and publish marks.

use entity::ShardId;

use super::sample::append;
use crate::{CursorWrite, Store};

/// Holds a store to its promises about itself. `store` has no values or cursors yet.
pub async fn meta(store: &dyn Store) {
    let history = store.history();
    let base32 = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    assert!(
        history.0.len() == 16 && history.0.bytes().all(base32),
        "16 characters of lower-case base32: {history:?}"
    );

    assert_eq!(store.value("contract.key").await.expect("answers"), None);
    for value in [vec![1, 2, 3], Vec::new(), vec![0; 100_000]] {
        store.set_value("contract.key", value.clone()).await.expect("answers");
        let found = store.value("contract.key").await.expect("answers");
        assert_eq!(found, Some(value), "the last value stays");
    }
    let too_large = vec![0; codec::VALUE_BYTES_MAX + 1];
    store.set_value("contract.key", too_large.clone()).await.expect_err("refused");
    store.swap_value("contract.swap", None, too_large).await.expect_err("refused");
    let found = store.value("contract.key").await.expect("answers");
    assert_eq!(found, Some(vec![0; 100_000]), "what is refused changes nothing");
    assert_eq!(store.value("contract.ke").await.expect("answers"), None, "names are whole");

    let swap = |expected: Option<u8>, value: u8| {
        store.swap_value("contract.swap", expected.map(|it| vec![it]), vec![value])
    };
    assert!(!swap(Some(1), 2).await.expect("answers"), "there is none");
    assert!(swap(None, 1).await.expect("answers"));
    assert!(!swap(None, 2).await.expect("answers") && !swap(Some(2), 3).await.expect("answers"));
    assert_eq!(store.value("contract.swap").await.expect("answers"), Some(vec![1]));
    assert!(swap(Some(1), 2).await.expect("answers"));
    assert_eq!(store.value("contract.swap").await.expect("answers"), Some(vec![2]));

    let (a, b) = (ShardId(0), ShardId(3));
    assert_eq!(store.cursor(a, "contract").await.expect("answers"), None);
    let write = |shard, epoch, value| CursorWrite { shard, epoch, value };
    let both = vec![write(a, 1, vec![1]), write(b, 1, vec![2])];
    store.set_cursors("contract", both).await.expect("answers");
    store.set_cursors("contract", vec![write(b, 2, vec![3, 4])]).await.expect("answers");
    store.set_cursors("contract2", vec![write(a, 9, vec![9])]).await.expect("answers");
    let name = "contract";
    assert_eq!(store.cursor(a, name).await.expect("answers"), Some(vec![1]), "kept");
    assert_eq!(store.cursor(b, name).await.expect("answers"), Some(vec![3, 4]), "moved");
    assert_eq!(store.cursor(ShardId(1), name).await.expect("answers"), None, "never set");
    let late = vec![write(b, 1, vec![5]), write(a, 1, vec![6])];
    store.set_cursors(name, late).await.expect("an owner that is none any more is no error");
    assert_eq!(store.cursor(b, name).await.expect("answers"), Some(vec![3, 4]), "fenced");
    assert_eq!(store.cursor(a, name).await.expect("answers"), Some(vec![6]), "each for itself");

    let tail = store.claim(a).await.expect("answers");
    let (_, tail) = append(store, a, tail, 10).await;
    let last = tail.next_commit - 1;
    store.set_publish_mark(vec![(a, last), (b, 0)]).await.expect("answers");
    store.set_publish_mark(vec![(a, 1)]).await.expect("a lower mark changes nothing");
}
