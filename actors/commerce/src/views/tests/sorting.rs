//! Keys sort as their parts do, and no text's keys mix with another's.

use entity::{Tenant, Timestamp};
use proptest::prelude::*;

use crate::views::sort::{Key, after_all, inverted, read_id, read_text, split_time};

proptest! {
    #[test]
    fn texts_and_times_sort_as_their_keys(
        a in ("[\0\u{1}a\u{ff}]{0,4}", "[\0a]{0,3}", any::<u64>()),
        b in ("[\0\u{1}a\u{ff}]{0,4}", "[\0a]{0,3}", any::<u64>()),
    ) {
        let key = |(tenant, text, time): &(String, String, u64)| {
            Key::of(1, &Tenant::new(tenant)).text(text).newest(Timestamp(*time)).done()
        };
        // Newest first: the times stand crosswise.
        let (left, right) = ((&a.0, &a.1, b.2), (&b.0, &b.1, a.2));
        let order = left.cmp(&right);
        prop_assert_eq!(key(&a).cmp(&key(&b)), order);
    }

    #[test]
    fn keys_of_one_tenant_stay_together(
        a in "[\0\u{1}a\u{ff}]{0,4}",
        b in "[\0\u{1}a\u{ff}]{0,4}",
        rest in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        prop_assume!(a != b);
        let prefix = Key::of(1, &Tenant::new(&a)).done();
        let other = [Key::of(1, &Tenant::new(&b)).done(), rest].concat();
        let end = after_all(&prefix).unwrap();
        prop_assert!(!(prefix <= other && other < end), "{a:?} {b:?}");
    }

    #[test]
    fn a_text_is_read_back(text in "[\0\u{1}a\u{ff}é]{0,6}") {
        let key = Key::of(1, &Tenant::new("")).text(&text).done();
        prop_assert_eq!(read_text(&key[3..]), Some(text));
        prop_assert_eq!(read_text(&key[3..key.len() - 1]), None);
        prop_assert_eq!(read_text(&[&key[3..], &[7]].concat()), None);
    }
}

#[test]
fn the_end_of_a_prefix_lies_just_behind_it() {
    assert_eq!(after_all(&[1, 2]), Some(vec![1, 3]));
    assert_eq!(after_all(&[1, 0xFF, 0xFF]), Some(vec![2]));
    assert_eq!(after_all(&[0xFF]), None);
    assert_eq!(after_all(&[]), None);
}

#[test]
fn newer_times_come_first() {
    let times = [u64::MAX, 1_800_000_000_000, 1_795_000_000_001, 1_795_000_000_000, 1, 0];
    let keys: Vec<_> = times.iter().map(|time| inverted(Timestamp(*time))).collect();
    assert!(keys.is_sorted());
    for (time, key) in times.iter().zip(&keys) {
        assert_eq!(split_time(key), Some((Timestamp(*time), &[][..])));
    }
    assert_eq!(split_time(&[1; 7]), None);
    assert_eq!(read_id(&[1; 19]), None);
    assert!(read_id(&[1; 20]).is_some());
}
