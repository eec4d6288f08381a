-- An order as six statements in a transaction, the contended update last.
begin;
insert into idempotency values (:key, :key, 'confirmed');
insert into carts values (:key, :customer,
    '{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}');
insert into orders values (:key, :customer, 'confirmed', 5200);
\if :n = 1
insert into holds select :key::bigint, sku, qty from unnest(array[:a::int], array[1]) as l (sku, qty);
\elif :n = 2
insert into holds select :key::bigint, sku, qty from unnest(array[:a::int, :b::int], array[1, 2]) as l (sku, qty);
\else
insert into holds select :key::bigint, sku, qty from unnest(array[:a::int, :b::int, :c::int], array[1, 2, 1]) as l (sku, qty);
\endif
insert into outbox (order_id, type, body) values (:key, 'order.confirmed',
    '{"lines": ["a", "b"], "address": {"name": "Ada Lovelace", "line1": "12 Main Street", "city": "Springfield", "postal_code": "90210", "country": "US"}, "tenders": ["cod"]}');
\if :n = 1
update stock set committed = committed + l.qty from unnest(array[:a::int], array[1]) as l (sku, qty)
    where stock.sku = l.sku and on_hand - committed >= l.qty;
\elif :n = 2
update stock set committed = committed + l.qty from unnest(array[:a::int, :b::int], array[1, 2]) as l (sku, qty)
    where stock.sku = l.sku and on_hand - committed >= l.qty;
\else
update stock set committed = committed + l.qty from unnest(array[:a::int, :b::int, :c::int], array[1, 2, 1]) as l (sku, qty)
    where stock.sku = l.sku and on_hand - committed >= l.qty;
\endif
commit;
