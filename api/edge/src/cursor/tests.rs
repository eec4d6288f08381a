//! Cursors continue their own list only.

use entity::Tenant;

use super::*;
use crate::identity::Via;

fn caller(tenant: &str) -> Caller {
    Caller {
        tenant: Tenant::new(tenant),
        channel: "web".into(),
        locale: "en".into(),
        identity: None,
        via: Via::Nothing,
    }
}

#[test]
fn a_cursor_holds_its_list_filter_and_position() {
    let sealer = Sealer::new(&[7; 32]);
    let of = |list, tenant: &str, query: &str| CursorOf::new(list, &caller(tenant), query);
    let cursor = of("orders", "demo", "status=open&limit=5").seal(&sealer, (3_u64, "x"));
    let open = |of: CursorOf| of.open::<(u64, String)>(&sealer, &cursor);
    let expected = (3, "x".to_owned());
    assert_eq!(open(of("orders", "demo", "status=open")).unwrap(), expected);
    let same = of("orders", "demo", "cursor=c&limit=9&status=open");
    assert_eq!(open(same).unwrap(), expected, "limit and cursor are no filter");
    let left_out = of("orders", "demo", "limit=5");
    assert_eq!(left_out.filter(&sealer, Some(&cursor)), "status=open");
    assert_eq!(open(left_out).unwrap(), expected);
    for other in [
        of("stock", "demo", "status=open"),
        of("orders", "demo2", "status=open"),
        of("orders", "demo", "status=closed"),
        of("orders", "demo", "status=open&sort=created"),
    ] {
        assert!(open(other).is_err());
    }
}

#[test]
fn a_cursor_of_a_public_list_is_everyones_in_its_shop() {
    let sealer = Sealer::new(&[7; 32]);
    let of = |tenant: &str| CursorOf::public("products", &Tenant::new(tenant), "");
    let cursor = of("demo").seal(&sealer, 3_u64);
    assert_eq!(of("demo").open::<u64>(&sealer, &cursor).unwrap(), 3);
    assert!(of("demo2").open::<u64>(&sealer, &cursor).is_err());
    let own = CursorOf::new("products", &caller("demo"), "");
    assert!(own.open::<u64>(&sealer, &cursor).is_err(), "no list of the caller's own");
}

#[test]
fn a_cursor_of_one_thing_is_none_of_another() {
    let sealer = Sealer::new(&[7; 32]);
    let of = |path: &str| CursorOf::new("shipments", &caller("demo"), "").under(path);
    let cursor = of("/v1/orders/a/shipments").seal(&sealer, 3_u64);
    assert_eq!(of("/v1/orders/a/shipments").open::<u64>(&sealer, &cursor).unwrap(), 3);
    assert!(of("/v1/orders/b/shipments").open::<u64>(&sealer, &cursor).is_err());
}

#[test]
fn a_cursor_that_was_changed_is_refused() {
    let sealer = Sealer::new(&[7; 32]);
    let of = CursorOf::new("orders", &caller("demo"), "");
    let cursor = of.seal(&sealer, 3_u64);
    for index in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(of.open::<u64>(&sealer, &changed).is_err(), "{index}");
    }
    assert!(of.open::<u64>(&Sealer::new(&[8; 32]), &cursor).is_err());
    assert!(of.open::<u64>(&sealer, "").is_err());
}
