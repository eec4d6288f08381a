//! Planted faults: each row names the checkers that must find it, and those only.

use super::*;

/// What is wrong, units at the start, who finds it, the requests.
type Row = (&'static str, u32, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        "an address that was written is shown as before",
        9,
        &["addresses"],
        "
        0-10 save a1 1 over nothing = 201 a1/v2/1
        20-30 save a1 2 over 2 = 200 a1/v3/2
        40-50 book ada = 200 a1/v3/1",
    ),
    (
        "an address that was saved is not in the book",
        9,
        &["addresses"],
        "
        0-10 save a1 1 over nothing = 201 a1/v2/1
        20-30 book ada = 200",
    ),
    (
        "a deleted address comes back",
        9,
        &["addresses"],
        "
        0-10 save a1 1 over nothing = 201 a1/v2/1
        20-30 delete a1 over 2 = 204
        40-50 book ada = 200 a1/v2/1",
    ),
    (
        "the version of an address goes back",
        9,
        &["addresses"],
        "
        0-10 save a1 1 over nothing = 201 a1/v3/1
        20-30 book ada = 200 a1/v2/1",
    ),
    (
        "an address is written over a version that it has no more",
        9,
        &["addresses"],
        "
        0-10 save a1 1 over nothing = 201 a1/v2/1
        20-30 save a1 2 over 1 = 412 version_mismatch
        40-50 book ada = 200 a1/v4/2",
    ),
    (
        "an address is written over a version that was replaced",
        9,
        &["conditions"],
        "
        0-10 save a1 1 over nothing = 201 v2 a1/v2/1
        15-18 save a1 2 over 2 = 200 v3 a1/v3/2
        20-30 save a1 3 over 2 = 200 v4 a1/v4/3",
    ),
    (
        "a unit is cancelled, and the whole order ends",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1
        40-50 get o1 = 200 v9 cancelled",
    ),
    (
        "two tabs are granted one day",
        9,
        &["rewards"],
        "
        0-10 sign-in ada = 201 +10:monday
        0-12 sign-in ada = 201 +10:monday",
    ),
    (
        "a repeat adds the points of a day once more",
        9,
        &["rewards"],
        "
        0-10 sign-in ada = 201 +10:monday
        20-30 sign-in ada = 200 ~10:monday
        40-50 points ada = 200 +20:monday",
    ),
    (
        "points of a day are not there",
        9,
        &["rewards"],
        "
        0-10 sign-in ada = 201 +10:monday
        20-30 points ada = 200 ~0:monday",
    ),
    (
        "points go back",
        9,
        &["rewards"],
        "
        0-? sign-in ada = ?
        20-30 points ada = 200 +10:monday
        40-50 points ada = 200 ~0:monday",
    ),
    (
        "who is registered is not known",
        9,
        &["rewards"],
        "
        0-10 sign-in ada = 404 not_found",
    ),
    (
        "a repeat cancels its unit again",
        9,
        &["cuts"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 b1
        40-50 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 b1 again
        60-70 get o1 = 200 v9 confirmed 0x3@100-2",
    ),
    (
        "a unit is cancelled without effect",
        9,
        &["cuts"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1
        40-50 get o1 = 200 v6 confirmed 0x3@100",
    ),
    (
        "a wallet gets nothing back for its unit",
        9,
        &["cuts"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 w300",
    ),
    (
        "a wallet gets twice what it paid for its unit",
        9,
        &["cuts"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 w300 r200",
    ),
    (
        "units of a confirmed order are not to be cancelled",
        9,
        &["cuts"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 409 invalid_state",
    ),
    (
        "a cut of one unit gives back two",
        9,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1
        40-50 stock 0 = 200 n8",
    ),
    (
        "a merge adds its units twice",
        9,
        &["merges"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        0-10 put g1 over nothing = 201 v1 0x2 1x1
        20-30 merge c1 from g1 0x1 with 0x2 1x1 = 200 v3 0x3 1x1
        40-50 merge c1 from g1 0x1 with 0x2 1x1 = 200 v5 0x5 1x2",
    ),
    (
        "a merge is acknowledged before it is there",
        9,
        &["merges"],
        "
        20-30 merge c1 from g1 0x1 with 0x2 = 200 v1 0x1",
    ),
    (
        "what a merge brought is lost later",
        9,
        &["merges"],
        "
        20-30 merge c1 from g1 0x1 with 0x2 = 200 v3 0x3
        40-50 cart c1 = 200 v4 0x1",
    ),
    (
        "the guest keeps what was taken along",
        9,
        &["merges"],
        "
        20-30 merge c1 from g1 0x1 with 0x2 = 200 v3 0x3
        40-50 cart g1 = 200 v1 0x2",
    ),
    (
        "units that nobody was told of lie in both carts",
        9,
        &["merges"],
        "
        20-? merge c1 from g1 0x1 with 0x2 = ?
        40-50 cart c1 = 200 v3 0x3
        60-70 cart g1 = 200 v1 0x2",
    ),
    (
        "a merge is refused for nothing",
        9,
        &["merges"],
        "
        20-30 merge c1 from g1 0x1 with 0x2 = 404 not_found",
    ),
    (
        "a stream tells a version twice",
        9,
        &["streams"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        stream 20-90 o1 v3 = 25:o1:3:confirmed:",
    ),
    (
        "a stream begins behind what was seen before it",
        9,
        &["versions"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        stream 20-90 o1 = 25:o1:2:processing:1,2",
    ),
    (
        "a read shows less than a stream told before",
        9,
        &["versions"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-25 advance o1 = 200
        stream 20-90 o1 v3 = 25:o1:5:in_fulfilment:5
        40-50 get o1 = 200 v3 confirmed",
    ),
    (
        "a stream calls a version by another state",
        9,
        &["versions"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        stream 20-90 o1 = 25:o1:3:processing:1,3",
    ),
    (
        "a stream leaves out what happened",
        9,
        &["streams"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        stream 20-90 o1 = 25:o1:3:confirmed:3
        40-50 get o1 = 200 v3 confirmed e1,3",
    ),
    (
        "a stream tells again what happened before",
        9,
        &["streams"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-25 advance o1 = 200
        stream 20-90 o1 v3 = 25:o1:5:in_fulfilment:3,5",
    ),
    (
        "a client is to forget what is still there",
        9,
        &["streams"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        stream 20-90 o1 = !25:o1:3:confirmed:1,3",
    ),
    (
        "the stream of an order tells of another",
        9,
        &["streams"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-10 place c2 0x1 #k2 = 201 o2 v3 confirmed
        stream 20-90 o1 = 25:o2:3:confirmed:1,3",
    ),
    (
        "a cart is written over a version that was replaced",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 put c1 over 1 = 200 v2 0x2
        40-50 put c1 over 1 = 200 v3 0x3",
    ),
    (
        "a cart is made where one is",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 put c1 over nothing = 201 v2 0x2",
    ),
    (
        "who writes over the newest version is refused over it",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 put c1 over 1 = 412 v1 version_mismatch",
    ),
    (
        "a version of a cart has two contents",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 cart c1 = 200 v1 0x2",
    ),
    (
        "two pages set a price over the same one",
        9,
        &["conditions"],
        "
        0-10 price 0 120 over 1 = 200 v2
        5-12 price 0 130 over 1 = 200 v3",
    ),
    (
        "two tabs write a cart over the same version",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 put c1 over 1 = 200 v2 0x2
        22-32 put c1 over 1 = 200 v2 0x2",
    ),
    (
        "two tabs at once, of which the later one is shown to both",
        9,
        &["conditions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-40 put c1 over 1 = 200 v3 0x1
        22-42 put c1 over 1 = 412 v2 version_mismatch
        30-35 put c1 over 2 = 200 v3 0x1",
    ),
    (
        "a cart is shown as it was before",
        9,
        &["versions"],
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-30 put c1 over 1 = 200 v2 0x2
        40-50 cart c1 = 200 v1 0x1",
    ),
    (
        "a stranger sees an order",
        9,
        &["strangers"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 pry o1 = 200 v3",
    ),
    (
        "a stranger is told more than that there is no such order",
        9,
        &["strangers"],
        "0-10 pry o1 = 409 invalid_state",
    ),
    (
        "a courier who says it again is refused",
        9,
        &["couriers"],
        "
        0-10 advance o1 #/cod#cash-1 = 200 v4
        20-30 advance o1 #/cod#cash-1 = 409 invalid_state",
    ),
    (
        "what a courier says again is done again",
        9,
        &["couriers"],
        "
        0-10 advance o1 #/cod#cash-1 = 200 v4
        20-30 advance o1 #/cod#cash-1 = 200 v5",
    ),
    (
        "a list begins with the oldest",
        9,
        &["lists"],
        "0-10 mine ada = 200 last o1:confirmed:5 o2:confirmed:7",
    ),
    (
        "a page of a list begins before the one before it ended",
        9,
        &["lists"],
        "
        0-10 orders all oldest = 200 page o1:confirmed:5 o2:confirmed:7
        20-30 orders all oldest = 200 last o3:confirmed:6",
    ),
    (
        "an order is on two pages",
        9,
        &["lists"],
        "
        0-10 mine ada = 200 page o1:confirmed:5
        20-30 mine ada = 200 last o1:confirmed:5",
    ),
    (
        "an order is not in the list of its status",
        9,
        &["lists"],
        "
        0-10 get o1 = 200 v3 confirmed
        20-30 orders confirmed = 200 last o2:confirmed:7",
    ),
    (
        "an order is in the list of another status",
        9,
        &["lists"],
        "0-10 orders confirmed = 200 last o2:cancelled:7",
    ),
    (
        "the catalogue says that there is none, and there is",
        9,
        &["goods"],
        "
        0-10 stock 0 = 200 v3 n9
        20-30 goods 0 = 200 0:out:100:1",
    ),
    (
        "the catalogue shows another price than the last",
        9,
        &["goods", "prices"],
        "
        0-10 price 0 120 = 200 v2
        12-14 price 0 110 = 200 v3
        16-18 stock 0 = 200 n9
        20-30 goods 0 = 200 0:in_stock:120:3",
    ),
    (
        "the catalogue shows a price that was replaced",
        9,
        &["prices"],
        "
        5-10 price 0 120 = 200 v2
        20-30 goods 0 = 200 0:low:100:2",
    ),
    (
        "a cart that was ordered is placed for another total",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 reuse c1 #k2 = 200 o1 v3 confirmed",
    ),
    (
        "a long poll says that nothing is new, and there is",
        9,
        &["versions"],
        "
        0-10 get o1 = 200 v4 confirmed
        20-30 wait o1 than 3 for 9 = 304",
    ),
    (
        "of two pages that place a cart one is refused",
        9,
        &["placing"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-12 place c1 0x1 #k2 = 412 version_mismatch",
    ),
    (
        "a cart that was edited is still the order before",
        0,
        &["placing"],
        "
        0-10 place c1 0x2 #k1 = 409 o1 out_of_stock
        20-30 put c1 = 200 v7
        40-50 place c1 0x1 #k2 = 409 o1 out_of_stock",
    ),
    (
        "a version goes back",
        9,
        &["versions", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v5 in_fulfilment
        15-16 advance o1 = 200
        40-50 get o1 = 200 v4 in_fulfilment",
    ),
    (
        "a stale read after the answer",
        9,
        &["versions", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v1 processing",
    ),
    (
        "a stale read of a state without versions",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 confirmed
        20-30 get o1 = 200 processing",
    ),
    (
        "one version is two states",
        9,
        &["versions", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v3 processing",
    ),
    (
        "an order rises after it was cancelled",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 200 v5 cancelled
        40-50 get o1 = 200 v7 confirmed",
    ),
    (
        "an order is cancelled and nobody asked",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v5 cancelled",
    ),
    (
        "a cancel that was refused takes effect",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 409 invalid_state
        40-50 get o1 = 200 v5 cancelled",
    ),
    (
        "an order is cancelled before anybody asks",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v5 cancelled
        40-50 cancel o1 #k2 = 200 v5 cancelled",
    ),
    (
        "an order is shipped and nobody moved it",
        9,
        &["linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v5 in_fulfilment",
    ),
    (
        "an order that was told of is lost",
        9,
        &["acked_orders", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 404 not_found",
    ),
    (
        "an order is lost after it was read",
        9,
        &["acked_orders", "linear_order"],
        "
        0-? place c1 0x1 #k1 = ?
        20-30 get o1 = 200 v3 confirmed
        40-50 get o1 = 404 not_found",
    ),
    (
        "two reads of an order see it go back",
        9,
        &["versions", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 202 o1 v1 processing
        20-90 get o1 = 200 v2 processing
        30-40 get o1 = 200 v3 confirmed
        50-60 get o1 = 200 v2 processing",
    ),
    (
        "another order is answered",
        9,
        &["acked_orders"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 o2 v3 confirmed",
    ),
    (
        "success without an order",
        9,
        &["acked_orders"],
        "
        0-10 place c1 0x1 #k1 = 201 v3 confirmed",
    ),
    (
        "a retried key makes two orders",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 place c1 0x1 #k1 = 201 o2 v3 confirmed",
    ),
    (
        "a retried key is answered another body",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed b1
        20-30 place c1 0x1 #k1 = 201 o1 v3 confirmed b2 again",
    ),
    (
        "a key is taken for other words too",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 reuse c1 #k1 = 201 o1 v3 confirmed again",
    ),
    (
        "a refused placing succeeds by a retry",
        0,
        &["idempotency", "stock_bounds", "linear_stock", "linear_order"],
        "
        0-10 place c1 0x1 #k1 = 409 out_of_stock o1
        20-30 place c1 0x1 #k1 = 201 o1 v3 confirmed",
    ),
    (
        "a cart is ordered twice",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 place c1 0x1 #k2 = 201 o2 v3 confirmed",
    ),
    (
        "a cart has two orders on their way",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 202 o1 v1 processing
        20-30 place c1 0x1 #k2 = 202 o2 v1 processing
        40-50 get o1 = 200 v1 processing
        40-50 get o2 = 200 v1 processing",
    ),
    (
        "a retried restock counts twice",
        0,
        &["stock_bounds", "linear_stock"],
        "
        0-? restock 0 5 #k1 = ?
        10-20 restock 0 5 #k1 = 200
        30-40 stock 0 = 200 n10",
    ),
    (
        "sold once too often, one after the other",
        1,
        &["no_oversell", "stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 place c2 0x1 #k2 = 201 o2 v3 confirmed",
    ),
    (
        "sold once too often, at once",
        1,
        &["no_oversell", "stock_bounds", "linear_stock"],
        "
        0-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-30 place c2 0x1 #k2 = 201 o2 v3 confirmed",
    ),
    (
        "sold once too often for a while",
        1,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 place c2 0x1 #k2 = 201 o2 v3 confirmed
        40-50 cancel o1 #k3 = 200 v5 cancelled",
    ),
    (
        "sold before the restock that it needs",
        0,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 restock 0 1 #k2 = 200",
    ),
    (
        "sold before the cancel that it needs",
        1,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 place c2 0x1 #k2 = 201 o2 v3 confirmed
        31-50 cancel o1 #k3 = 200 v5 cancelled",
    ),
    (
        "one freed unit is sold twice",
        1,
        &["no_oversell", "stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k3 = 200 v5 cancelled
        40-50 place c2 0x1 #k2 = 201 o2 v3 confirmed
        45-55 place c3 0x1 #k4 = 201 o3 v3 confirmed",
    ),
    (
        "a cancelled order's units come back twice",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k3 = 200 v5 cancelled
        32-34 cancel o1 #k3 = 200 v5 cancelled again
        40-50 stock 0 = 200 n7",
    ),
    (
        "a cancelled order's units never come back",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k3 = 200 v5 cancelled
        40-50 stock 0 = 200 n3",
    ),
    (
        "refused though units were free",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 409 out_of_stock o1",
    ),
    (
        "refused though others leave enough",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        0-? place c2 0x1 #k2 = ?
        20-30 place c3 0x2 #k3 = 409 out_of_stock o3",
    ),
    (
        "refused though all that was taken came back",
        2,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 200 v5 cancelled
        40-50 place c3 0x1 #k3 = 409 out_of_stock o3",
    ),
    (
        "two refusals explain each other",
        1,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x1 #k1 = 409 out_of_stock o1
        0-10 place c2 0x1 #k2 = 409 out_of_stock o2",
    ),
    (
        "refused for units that nobody can have held for so short a time",
        1,
        &["stock_bounds", "linear_stock"],
        "
        holds 91
        0-90 place c1 0x1 #k1 = 409 out_of_stock o1
        10-20 place c2 0x1 #k2 = 409 out_of_stock o2
        70-80 place c3 0x1 #k3 = 201 o3 v3 confirmed",
    ),
    (
        "both lines were free",
        5,
        &["stock_bounds"],
        "
        0-10 place c1 0x2 1x2 #k1 = 409 out_of_stock o1",
    ),
    (
        "a lost update: a sale that the shelf forgot",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        20-30 stock 0 = 200 n5",
    ),
    (
        "units that nobody took are missing",
        5,
        &["stock_bounds", "linear_stock"],
        "
        20-30 stock 0 = 200 n4",
    ),
    (
        "a restock is forgotten",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 restock 0 3 #k1 = 200
        20-30 stock 0 = 200 n5",
    ),
    (
        "a read shows a number that never was",
        5,
        &["linear_stock"],
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        0-10 stock 0 = 200 n4",
    ),
    (
        "reads see one sale come and go",
        5,
        &["linear_stock"],
        "
        0-90 place c1 0x2 #k1 = 201 o1 v3 confirmed
        10-20 stock 0 = 200 n3
        30-40 stock 0 = 200 n5",
    ),
    (
        "fewer than no units",
        5,
        &["available"],
        "
        0-10 stock 0 = 200 n-1",
    ),
    (
        "a SKU's version goes back",
        5,
        &["versions"],
        "
        0-10 stock 0 = 200 v7 n5
        20-30 stock 0 = 200 v6 n5",
    ),
    (
        "a count is forgotten",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 count 0 8 #k1 = 200
        20-30 stock 0 = 200 n5",
    ),
    (
        "a count forgets what is sold",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        20-30 count 0 5 #k2 = 200
        40-50 stock 0 = 200 n5",
    ),
    (
        "sold after a count found nothing",
        5,
        &["stock_bounds", "linear_stock"],
        "
        0-10 count 0 0 #k1 = 200
        20-30 place c1 0x1 #k2 = 201 o1 v3 confirmed",
    ),
    (
        "sold at a price that had been replaced before it was placed",
        9,
        &["prices"],
        "
        0-5 quote c1 = 200 0x2@100 =200
        6-8 price 0 130 = 200
        10-40 place c1 0x2 for 200 quoted 0 #k1 = 201 o1 v3 confirmed 0x2@100 =200",
    ),
    (
        "sold at a price that was asked for later",
        9,
        &["prices"],
        "
        10-40 place c1 0x2 for 260 quoted 0 #k1 = 201 o1 v3 confirmed 0x2@130 =260
        41-50 price 0 130 = 200",
    ),
    (
        "sold for more than the buyer took",
        9,
        &["prices"],
        "
        0-5 quote c1 = 200 0x2@100 =200
        6-8 price 0 130 = 200
        10-40 place c1 0x2 for 200 quoted 0 #k1 = 201 o1 v3 confirmed 0x2@130 =260",
    ),
    (
        "an old price is quoted",
        9,
        &["prices"],
        "
        1-8 price 0 130 = 200
        10-15 quote c1 = 200 0x2@100 =200",
    ),
    (
        "refused over a price that did not change",
        9,
        &["prices"],
        "
        0-4 price 0 130 = 200
        2-3 price 1 130 = 200
        5-9 quote c1 = 200 0x2@130 =260
        10-40 place c1 0x2 for 260 quoted 5 #k1 = 409 price_changed",
    ),
    (
        "a cart is sent for nothing",
        9,
        &["prices"],
        "
        0-5 quote c1 = 200 0x2@100 s7 =207
        6-9 quote c2 = 200 0x1@100 1x1@100 s0 =200",
    ),
    (
        "an order that does not add up",
        9,
        &["prices"],
        "
        10-40 place c1 0x2 1x1 #k1 = 201 o1 v3 confirmed 0x2@100 1x1@100 =299",
    ),
    (
        "an order is not in its buyer's list",
        9,
        &["own_orders"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        12-20 place c2 0x1 #k2 = 201 o2 v3 confirmed
        30-40 mine ada = 200 last o1",
    ),
    (
        "an order is in somebody else's list",
        9,
        &["own_orders"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        30-40 mine bob = 200 last o1",
    ),
    (
        "a repeat shows how it is by now",
        9,
        &["idempotency"],
        "
        0-10 advance o9 #k1 = 200 v2 t2 b7
        40-50 advance o9 #k1 = 200 v3 t3 b8 again",
    ),
    (
        "a repeated cancel shows how the order is by now",
        9,
        &["idempotency"],
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 200 v5 cancelled b7
        40-50 cancel o1 #k2 = 200 v6 cancelled b8 again",
    ),
    (
        "a repeat has another ETag",
        9,
        &["idempotency"],
        "
        0-10 restock 0 1 #k1 = 200 v2 t2 b7
        40-50 restock 0 1 #k1 = 200 v2 t3 b7 again",
    ),
    (
        "an internal error",
        5,
        &["answers"],
        "
        0-10 stock 0 = 500 internal",
    ),
    (
        "a refusal without a reason",
        5,
        &["answers"],
        "
        0-10 stock 0 = 429",
    ),
];

#[test]
fn every_planted_fault_is_found() {
    for (name, stock, wanted, text) in ROWS {
        let found = found(&history(*stock, text), None);
        let mut names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        let mut wanted = wanted.to_vec();
        names.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(names, wanted, "{name}: {found:#?}");
    }
    let linear = ROWS.iter().filter(|row| row.2.iter().any(|name| name.starts_with("linear")));
    assert!(linear.count() >= 20, "the search is tested with too few");
}

#[test]
fn what_does_not_settle_is_found() {
    let rest = Settle::by(100);
    let rows = [
        ("still being placed", "110-120 get o1 = 200 v3 processing", false),
        ("still being cancelled", "110-120 get o1 = 200 v3 cancelling", false),
        ("not readable", "110-120 get o1 = 503 unavailable", false),
        ("silent", "110-? get o1 = ?", false),
        ("never read", "50-60 get o1 = 200 v3 confirmed", false),
        ("settled", "110-120 get o1 = 200 v3 confirmed", true),
        ("settled at last", "110-? get o1 = ?\n130-140 get o1 = 200 v3 confirmed", true),
    ];
    for (name, read, is_settled) in rows {
        let text = format!("0-10 place c1 0x1 #k1 = 202 o1 v1 processing\n{read}");
        let found = found(&history(5, &text), Some(rest.clone()));
        assert_eq!(found.is_empty(), is_settled, "{name}: {found:?}");
    }
}

#[test]
fn unknown_outcomes_are_counted_once_no_client_knows() {
    let known = history(
        5,
        "
        0-? place c1 0x1 #k1 = ?
        20-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        40-50 get o1 = 504
        40-50 restock 0 1 #k2 = 200
        40-50 restock 0 1 #k3 = 504",
    );
    assert_eq!(unknown::unknown_ppm(&known), 250_000);
    assert_eq!(unknown::unknown_ppm(&History::default()), 0);
}
