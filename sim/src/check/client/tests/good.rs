//! What looks like a fault and is none: nobody may find anything.

use super::*;

const ROWS: &[(&str, u32, &str)] = &[
    (
        "who did not wait hears of the end by a repeat, and then who waited of what was",
        9,
        "
        0-10 place c1 0x1 #k1 = 202 o1 v1 processing
        0-12 place c1 0x1 #k2 = 200 o1 v8 confirmed
        20-? cancel o1 #k3 = ?
        40-50 place c1 0x1 #k1 = 409 invalid_state o1 again
        60-70 place c1 0x1 #k2 = 200 o1 v8 confirmed again",
    ),
    (
        "an address is saved, written anew, and deleted",
        9,
        "
        0-10 save a1 1 over nothing = 201 a1/v2/1
        15-20 book ada = 200 a1/v2/1
        30-? save a1 2 over 2 = ?
        40-45 book ada = 200 a1/v2/1
        50-60 save a1 2 over 2 = 412 version_mismatch
        70-75 book ada = 200 a1/v5/2
        80-? delete a1 over 5 = ?
        90-95 book ada = 200 a1/v5/2
        96-99 book ada = 200",
    ),
    (
        "days are granted once each, in two tabs and again",
        9,
        "
        0-5 points ada = 200 ~0:monday
        10-20 sign-in ada = 201 +10:monday
        10-25 sign-in ada = 200 ~10:monday
        11-12 points ada = 200 ~0:monday
        13-14 points ada = 200 +10:monday
        30-40 sign-in ada = 201 +10:tuesday
        50-60 points ada = 200 +20:tuesday",
    ),
    (
        "a sign-in without an answer gave points, or did not",
        9,
        "
        0-? sign-in ada = ?
        0-? sign-in bob = ?
        20-30 points ada = 200 +10:monday
        20-30 points bob = 200 ~0:monday
        40-50 sign-in ada = 200 ~10:monday
        60-70 points ada = 200 +10:monday",
    ),
    (
        "a unit is cancelled by two clicks, and its wallet gets its share",
        9,
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 w300 r100 b1
        20-35 cut o1 0x1 #k2 = 200 v6 confirmed 0x3@100-1 w300 r100 b1 again
        21-25 get o1 = 200 v4 confirmed 0x3@100 w300
        40-50 get o1 = 200 v6 confirmed 0x3@100-1 w300 r100
        40-50 stock 0 = 200 n6
        60-70 stock 0 = 200 n7",
    ),
    (
        "a unit is cancelled without an answer, or is not",
        9,
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-? cut o1 0x1 #k2 = ?
        40-50 stock 0 = 200 n6
        60-70 get o1 = 200 v3 confirmed 0x3@100
        80-90 get o1 = 200 v6 confirmed 0x3@100-1
        91-99 stock 0 = 200 n7",
    ),
    (
        "the last unit is cancelled, and so is the order",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cut o1 0x1 #k2 = 200 v8 cancelled 0x1@100-1
        40-50 get o1 = 200 v8 cancelled 0x1@100-1
        60-70 stock 0 = 200 n9",
    ),
    (
        "units of an order that has left are not cancelled",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 advance o1 = 200
        40-50 cut o1 0x1 #k2 = 409 invalid_state",
    ),
    (
        "a merge by two clicks, asked for again, looked at, and written over",
        9,
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-40 merge c1 from g1 0x1 with 0x2 1x1 = 200 v3 0x3 1x1
        20-45 merge c1 from g1 0x1 with 0x2 1x1 = 200 v3 0x3 1x1
        21-25 cart c1 = 200 v2 0x1
        22-26 cart g1 = 200 v1 0x2 1x1
        27-29 cart g1 = 200 v2
        50-60 merge c1 from g1 0x1 with 0x2 1x1 = 200 v3 0x3 1x1
        70-80 put c1 over 3 = 200 v4 0x1
        90-95 cart c1 = 200 v4 0x1
        96-99 cart g1 = 200 v2",
    ),
    (
        "a merge without an answer comes later, or never",
        9,
        "
        20-? merge c1 from g1 0x1 with 0x2 = ?
        40-50 cart g1 = 200 v2
        60-70 cart c1 = 200 v2 0x1
        20-30 merge c2 from g2 0x1 with 0x2 = 503 unavailable
        40-50 cart g2 = 200 v1 0x2
        60-70 cart c2 = 200 v1 0x1",
    ),
    (
        "who has placed the cart cannot merge into it",
        9,
        "
        20-? merge c1 from g1 0x1 with 0x2 = ?
        30-40 place c1 0x1 #k1 = 201 o1 v3 confirmed
        50-60 merge c1 from g1 0x1 with 0x2 = 409 cart_already_ordered",
    ),
    (
        "streams tell what is new, one after the other",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-10 place c2 0x1 #k2 = 201 o2 v3 confirmed
        12-60 advance o1 = 200
        stream 5-40 o1 = 9:o1:2:processing:1,2 15:o1:3:confirmed:3 20:o1:6:in_fulfilment:5
        stream 50-? o1 v6 = 55:o1:7:in_fulfilment:
        stream 20-90 o1 all = 25:o1:6:in_fulfilment:1,2,3,5 26:o2:3:confirmed:1,3
        70-80 get o1 = 200 v7 in_fulfilment e1,2,3,5",
    ),
    (
        "a placing without an answer took its units late",
        1,
        "
        0-? place c1 0x1 #k1 = ?
        20-30 stock 0 = 200 n1
        40-50 stock 0 = 200 n0
        60-70 place c2 0x1 #k2 = 409 out_of_stock o2",
    ),
    (
        "a placing without an answer never took anything",
        1,
        "
        0-? place c1 0x1 #k1 = ?
        20-30 place c2 0x1 #k2 = 201 o2 v3 confirmed",
    ),
    (
        "units of an unknown placing were there and went back",
        1,
        "
        0-? place c1 0x1 #k1 = ?
        20-30 place c2 0x1 #k2 = 409 out_of_stock o2
        40-50 place c3 0x1 #k3 = 201 o3 v3 confirmed",
    ),
    (
        "503 may have had an effect",
        1,
        "
        0-10 place c1 0x1 #k1 = 503 unavailable
        20-30 place c2 0x1 #k2 = 409 out_of_stock o2
        40-50 place c1 0x1 #k1 = 201 o1 v3 confirmed again",
    ),
    (
        "a retry beside the first try",
        1,
        "
        0-? place c1 0x1 #k1 = ?
        5-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        6-25 place c1 0x1 #k1 = 201 o1 v3 confirmed again
        40-50 stock 0 = 200 n0",
    ),
    (
        "two keys of one cart are one order",
        1,
        "
        0-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        5-25 place c1 0x1 #k2 = 201 o1 v3 confirmed
        40-50 stock 0 = 200 n0",
    ),
    (
        "other words under a used key are refused",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 reuse c1 #k1 = 422 idempotency_key_reused",
    ),
    (
        "a double click while the first is running",
        1,
        "
        0-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-5 place c1 0x1 #k1 = 409 idempotency_in_progress",
    ),
    (
        "accepted for later, then not sold",
        0,
        "
        0-10 place c1 0x1 #k1 = 202 o1 v1 processing
        20-30 place c1 0x1 #k1 = 409 out_of_stock o1 again
        40-50 get o1 = 200 v4 cancelled",
    ),
    (
        "a cart is ordered again after its order was not sold",
        0,
        "
        0-10 place c1 0x1 #k1 = 409 out_of_stock o1
        20-30 restock 0 1 #k9 = 200
        40-50 place c1 0x1 #k2 = 201 o2 v3 confirmed
        60-70 get o1 = 200 v4 cancelled",
    ),
    (
        "the freed unit is sold",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 200 v5 cancelled
        40-50 place c2 0x1 #k3 = 201 o2 v3 confirmed",
    ),
    (
        "the freed unit is sold while the cancel is answered",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-60 cancel o1 #k2 = 200 v5 cancelled
        30-40 place c2 0x1 #k3 = 201 o2 v3 confirmed",
    ),
    (
        "a cancel without an answer freed the unit later",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-? cancel o1 #k2 = ?
        30-40 place c2 0x1 #k3 = 409 out_of_stock o2
        50-60 place c3 0x1 #k4 = 201 o3 v3 confirmed
        70-80 get o1 = 200 v5 cancelled",
    ),
    (
        "cancelling takes its time",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 202 v4 cancelling
        40-50 place c2 0x1 #k3 = 409 out_of_stock o2
        60-70 place c3 0x1 #k4 = 201 o3 v3 confirmed
        80-90 get o1 = 200 v5 cancelled",
    ),
    (
        "a repeat shows what was answered first",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 cancel o1 #k2 = 200 v5 cancelled
        40-50 place c1 0x1 #k1 = 201 o1 v3 confirmed again
        60-70 get o1 = 200 v5 cancelled",
    ),
    (
        "placing shows what it came to first",
        9,
        "
        0-50 place c1 0x1 #k1 = 201 o1 v3 confirmed
        5-10 advance o1 = 200
        20-30 get o1 = 200 v6 in_fulfilment",
    ),
    (
        "reads at once see old and new",
        9,
        "
        0-10 place c1 0x1 #k1 = 202 o1 v1 processing
        20-60 get o1 = 200 v1 processing
        20-40 get o1 = 200 v3 confirmed
        30-60 get o1 = 200 v1 processing",
    ),
    (
        "a read in the microsecond of the answer",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        10-20 get o1 = 200 v1 processing",
    ),
    (
        "an order is read while its placing waits",
        9,
        "
        0-90 place c1 0x1 #k1 = 201 o1 v3 confirmed
        5-10 place c1 0x1 #k1 = 202 o1 v1 processing
        20-30 get o1 = 200 v1 processing",
    ),
    (
        "not there yet",
        9,
        "
        0-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        10-20 get o1 = 404 not_found
        40-50 get o1 = 200 v3 confirmed",
    ),
    (
        "two placings want the last unit",
        1,
        "
        0-30 place c1 0x1 #k1 = 201 o1 v3 confirmed
        0-30 place c2 0x1 #k2 = 409 out_of_stock o2",
    ),
    (
        "refused before the winner was told",
        1,
        "
        0-90 place c1 0x1 #k1 = 201 o1 v3 confirmed
        10-20 place c2 0x1 #k2 = 409 out_of_stock o2",
    ),
    (
        "a refused order of two lines had one of them for a while",
        1,
        "
        0-50 place c1 0x1 1x2 #k1 = 409 out_of_stock o1
        10-20 place c2 0x1 #k2 = 409 out_of_stock o2
        60-70 place c3 0x1 #k3 = 201 o3 v3 confirmed",
    ),
    (
        "of two lines the other one was short",
        2,
        "
        0-10 place c2 1x2 #k2 = 201 o2 v3 confirmed
        20-30 place c1 0x1 1x1 #k1 = 409 out_of_stock o1",
    ),
    (
        "an order that could not be paid had its units for a while",
        1,
        "
        0-50 place c1 0x1 #k1 = 409 insufficient_funds o1
        10-20 place c2 0x1 #k2 = 409 out_of_stock o2",
    ),
    (
        "what an order held lapsed before it was sold, and somebody else got it",
        1,
        "
        holds 50
        0-90 place c1 0x1 #k1 = 409 out_of_stock o1
        10-20 place c2 0x1 #k2 = 409 out_of_stock o2
        70-80 place c3 0x1 #k3 = 201 o3 v3 confirmed",
    ),
    (
        "an order waits for its payment in vain",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v2 awaiting_payment
        20-30 place c2 0x1 #k2 = 409 out_of_stock o2
        40-50 get o1 = 200 v4 cancelled
        60-70 place c3 0x1 #k3 = 201 o3 v3 confirmed",
    ),
    (
        "a restock without an answer",
        0,
        "
        0-? restock 0 1 #k1 = ?
        20-30 stock 0 = 200 n0
        40-50 place c1 0x1 #k2 = 201 o1 v3 confirmed",
    ),
    (
        "a retried restock counts once",
        0,
        "
        0-? restock 0 1 #k1 = ?
        20-30 restock 0 1 #k1 = 200 n1
        40-50 stock 0 = 200 n1",
    ),
    (
        "a count finds fewer than are sold",
        3,
        "
        0-10 place c1 0x3 #k1 = 201 o1 v3 confirmed
        20-30 count 0 1 #k2 = 200 n0
        40-50 stock 0 = 200 n0
        60-70 place c2 0x1 #k3 = 409 out_of_stock o2",
    ),
    (
        "a count finds more",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 count 0 3 #k2 = 200 n2
        40-50 place c2 0x2 #k3 = 201 o2 v3 confirmed",
    ),
    (
        "shipped units are not counted",
        3,
        "
        0-10 place c1 0x2 #k1 = 201 o1 v3 confirmed
        12-14 advance o1 = 200
        15-16 get o1 = 200 v5 in_fulfilment
        20-30 count 0 1 #k2 = 200 n1
        40-50 stock 0 = 200 n1",
    ),
    (
        "a parcel that stays for want of another SKU has booked out its units",
        3,
        "
        0-10 place c1 0x2 1x1 #k1 = 201 o1 v3 confirmed
        12-14 advance o1 #k3 = 409 invalid_state
        20-30 count 0 3 #k2 = 200 n3
        40-50 stock 0 = 200 n3",
    ),
    (
        "a count beside a restock",
        0,
        "
        0-50 restock 0 4 #k1 = 200
        10-40 count 0 1 #k2 = 200
        60-70 stock 0 = 200 n5",
    ),
    (
        "a count after a restock that it swallows",
        0,
        "
        0-50 restock 0 4 #k1 = 200
        10-40 count 0 1 #k2 = 200
        60-70 stock 0 = 200 n1",
    ),
    (
        "a cart that is placed again",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        5-8 place c1 0x1 #k1 = 409 idempotency_in_progress
        6-20 place c1 0x1 #k2 = 200 o1 v3 confirmed
        30-40 cancel o1 #k3 = 200 o1 v5 cancelled
        35-50 place c1 0x1 #k4 = 412 version_mismatch",
    ),
    (
        "less is bought in the same cart",
        1,
        "
        0-10 place c1 0x2 #k1 = 409 o1 out_of_stock
        20-30 put c1 = 200 v7
        40-50 place c1 0x1 #k2 = 201 o2 v3 confirmed
        60-70 place c1 0x2 #k1 = 409 o1 out_of_stock again",
    ),
    (
        "one of two refusals is repeated after the cart was edited",
        1,
        "
        0-10 place c1 0x2 #k1 = 409 o1 out_of_stock
        2-12 place c1 0x2 #k2 = 409 o1 out_of_stock
        20-30 put c1 = 200 v7
        40-50 place c1 0x2 #k2 = 409 o1 out_of_stock again",
    ),
    (
        "a price is replaced while a cart is placed, and the old one is still sold",
        9,
        "
        0-5 quote c1 = 200 0x2@100 =200
        10-40 place c1 0x2 for 200 quoted 0 #k1 = 201 o1 v3 confirmed 0x2@100 =200
        12-20 price 0 130 = 200
        50-60 get o1 = 200 v3 confirmed 0x2@100 =200",
    ),
    (
        "who is told of a new price takes it",
        9,
        "
        0-5 quote c1 = 200 0x1@100 =100
        6-8 price 0 130 = 200
        10-40 place c1 0x1 for 100 quoted 0 #k1 = 409 price_changed
        50-60 place c1 0x1 for 130 quoted 0 #k2 = 201 o1 v3 confirmed 0x1@130 =130",
    ),
    (
        "a price that nobody knows of may be in force at any time",
        9,
        "
        0-? price 0 130 = ?
        2-4 price 0 140 = 200
        10-15 quote c1 = 200 0x1@140 =140
        20-40 place c1 0x1 for 140 quoted 10 #k1 = 409 price_changed
        50-60 place c1 0x1 for 130 quoted 20 #k2 = 201 o1 v3 confirmed 0x1@130 =130",
    ),
    (
        "a refused price was set by an earlier try",
        9,
        "
        0-? price 0 130 = ?
        5-9 price 0 130 = 412 version_mismatch
        10-15 quote c1 = 200 0x1@130 =130
        20-30 quote c1 = 200 0x1@130 =130",
    ),
    (
        "a buyer finds his orders on two pages, and others find none",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        12-20 place c2 0x1 #k2 = 201 o2 v3 confirmed
        15-90 place c3 0x1 #k3 = 201 o3 v3 confirmed
        30-40 mine ada = 200 page o2
        41-50 mine ada = 200 last o1
        30-40 mine bob = 200 last
        60-70 mine eve = 503 unavailable",
    ),
    (
        "an answer that is repeated",
        9,
        "
        0-10 advance o9 #k1 = 200 v2 t2 b7
        20-30 advance o9 = 200 v3 t3 b8
        40-50 advance o9 #k1 = 200 v2 t2 b7 again",
    ),
    (
        "who writes over an old version is refused, and over the newest one is not",
        9,
        "
        0-10 put c1 over nothing = 201 v1 0x1
        11-? put c1 over 1 = ?
        20-30 put c1 over 1 = 412 v2 version_mismatch
        40-50 put c1 over 2 = 200 v3 0x3
        45-55 put c1 over 2 = 412 v3 version_mismatch
        60-70 cart c1 = 200 v3 0x3
        60-70 price 0 120 over 1 = 200 v2
        65-75 price 0 120 over 1 = 412 v2 version_mismatch
        80-90 price 0 120 over 2 = 200 v2",
    ),
    (
        "two tabs at once, each of which is shown its own",
        9,
        "
        0-10 put c1 over nothing = 201 v1 0x1
        20-40 put c1 over 1 = 200 v2 0x2
        22-42 put c1 over 1 = 412 v2 version_mismatch
        30-35 put c1 over 2 = 200 v3 0x1
        36-50 put c1 over 3 = 200 v3 0x1",
    ),
    (
        "a cart that was ordered is not placed for another total",
        9,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 reuse c1 #k1 = 422 idempotency_key_reused
        20-30 reuse c1 #k2 = 409 cart_already_ordered
        20-30 goods 0 = 200 0:low:100:2",
    ),
    (
        "strangers are not told, or not now",
        9,
        "
        0-10 pry o1 = 404 not_found
        0-10 pry o1 = 403 insufficient_scope
        0-10 pry o1 = 503 unavailable
        0-? pry o1 = ?",
    ),
    (
        "couriers say it again, and once nobody knows",
        9,
        "
        0-10 advance o1 #/cod#cash-1 = 200 v4 b1
        20-30 advance o1 #/cod#cash-1 = 200 v5 b2 again
        20-30 advance o1 #/cod#cash-2 = 503 unavailable
        40-50 advance o1 #/cod#cash-2 = 409 invalid_state",
    ),
    (
        "lists in their order, and what they leave out",
        9,
        "
        0-10 get o1 = 200 v3 confirmed
        0-10 get o2 = 200 v3 cancelled
        0-10 mine ada = 200 page o3:cancelled:9 o2:confirmed:7
        20-30 mine ada = 200 last o1:confirmed:7
        20-30 orders confirmed = 200 last o1:confirmed:7
        20-30 orders all oldest = 200 page o1:confirmed:7 o2:cancelled:7
        40-50 orders all oldest = 200 last o3:confirmed:8
        40-50 orders cancelled = 200 page o3:cancelled:8",
    ),
    (
        "the catalogue as it stands, and where nobody knows",
        9,
        "
        0-10 stock 0 = 200 v3 n9
        0-10 price 0 120 = 200 v2
        0-10 price 1 120 = 200 v2
        12-14 price 1 130 = 503 unavailable
        20-30 goods 0 = 200 0:in_stock:120:2
        20-30 goods 1 = 200 1:low:130:3",
    ),
    (
        "long polls that hear of it, or of nothing",
        9,
        "
        0-10 get o1 = 200 v3 confirmed
        5-30 wait o1 than 3 for 9 = 304
        20-40 wait o1 than 3 for 9 = 200 v5
        50-60 get o1 = 200 v5 confirmed",
    ),
    (
        "trouble that is declared",
        1,
        "
        0-10 place c1 0x1 #k1 = 503 over_capacity
        0-10 stock 0 = 504
        0-10 get o9 = 429 rate_limited",
    ),
    (
        "a state that this program does not know",
        1,
        "
        0-10 place c1 0x1 #k1 = 201 o1 v3 confirmed
        20-30 get o1 = 200 v4 pondering
        40-50 get o1 = 200 v5 confirmed",
    ),
];

#[test]
fn what_is_allowed_is_not_reported() {
    assert!(ROWS.len() >= 15);
    for (name, stock, text) in ROWS {
        let found = found(&history(*stock, text), None);
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}
