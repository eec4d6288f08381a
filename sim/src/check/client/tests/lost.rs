//! Units that an order loses before they are sold, to a count or by time, and takes once more: what
//! of this is allowed, and who finds what is not.

use super::*;

/// What happens, units at the start, who finds it, the requests.
type Row = (&'static str, u32, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        "a count takes what an order holds, the next one finds it, and it is sold",
        2,
        &[],
        "
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 stock 0 = 200 n1
        30-40 count 0 0 #k2 = 200 n0
        50-60 count 0 2 #k3 = 200 n2
        95-99 stock 0 = 200 n1",
    ),
    (
        "nobody was told that it was sold after all",
        2,
        &[],
        "
        0-90 place c1 0x1 #k1 = 503 unavailable
        10-20 stock 0 = 200 n1
        30-40 count 0 0 #k2 = 200 n0
        50-60 count 0 2 #k3 = 200 n2
        95-99 stock 0 = 200 n1",
    ),
    (
        "what an order holds lapses before it is sold",
        2,
        &[],
        "
        holds 50
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 stock 0 = 200 n1
        60-70 stock 0 = 200 n2
        95-99 stock 0 = 200 n1",
    ),
    (
        "somebody else has it for a while, before it is paid",
        1,
        &[],
        "
        holds 50
        0-10 place c1 0x1 #k1 = 201 o1 v2 awaiting_payment
        60-70 place c2 0x1 #k2 = 201 o2 v3 confirmed
        80-90 cancel o2 #k3 = 200 v5 cancelled
        95-99 get o1 = 200 v4 confirmed",
    ),
    (
        "it is lost before holds end",
        2,
        &["linear_stock"],
        "
        holds 50
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 stock 0 = 200 n1
        30-40 stock 0 = 200 n2",
    ),
    (
        "it is lost before the count",
        2,
        &["linear_stock"],
        "
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 stock 0 = 200 n1
        22-28 stock 0 = 200 n2
        30-40 count 0 2 #k2 = 200",
    ),
    (
        "it is lost twice",
        2,
        &["linear_stock"],
        "
        holds 10
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 stock 0 = 200 n1
        21-30 stock 0 = 200 n2
        31-40 stock 0 = 200 n1
        41-50 stock 0 = 200 n2",
    ),
    (
        "what was sold while it was counted is lost later",
        2,
        &["linear_stock", "stock_bounds"],
        "
        0-30 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 count 0 2 #k2 = 200
        40-50 stock 0 = 200 n1
        60-70 stock 0 = 200 n2",
    ),
    (
        "it is taken twice and not lost",
        3,
        &["linear_stock", "stock_bounds"],
        "
        0-90 place c1 0x1 #k1 = 201 o1 v9 confirmed
        10-20 count 0 3 #k2 = 200
        30-40 stock 0 = 200 n1
        95-99 stock 0 = 200 n2",
    ),
];

#[test]
fn what_is_lost_before_it_is_sold_is_taken_once_more() {
    for (name, stock, wanted, text) in ROWS {
        let found = found(&history(*stock, text), None);
        let mut names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(&names, wanted, "{name}: {found:#?}");
    }
}
