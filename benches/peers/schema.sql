-- The tables of an order on PostgreSQL: what the runtime keeps of one, no more.
-- Run with psql -v n_skus=N.
create table idempotency (key bigint primary key, order_id bigint not null, answer text not null);
create table carts (id bigint primary key, customer bigint not null, content jsonb not null);
create table orders (id bigint primary key, customer bigint not null, status text not null,
                     payable bigint not null);
create table holds (order_id bigint, sku int, qty int not null, primary key (order_id, sku));
create table outbox (id bigserial primary key, order_id bigint not null, type text not null,
                     body jsonb not null);
create table stock (sku int primary key, on_hand bigint not null, committed bigint not null,
                    check (committed <= on_hand)) with (fillfactor = 50);
insert into stock select n, 100000000, 0 from generate_series(0, :n_skus - 1) as n;

-- The whole order in one call; the contended rows last, so that they are locked briefly, and in
-- the order of the SKUs, so that no two orders wait for each other.
create function place_order(a_key bigint, a_customer bigint, a_skus int[], a_qtys int[],
                            a_payable bigint, a_cart jsonb) returns text
language plpgsql as $$
declare
    line record;
begin
    insert into idempotency values (a_key, a_key, 'confirmed') on conflict do nothing;
    if not found then
        return (select answer from idempotency where key = a_key);
    end if;
    insert into carts values (a_key, a_customer, a_cart);
    insert into orders values (a_key, a_customer, 'confirmed', a_payable);
    insert into holds select a_key, sku, qty from unnest(a_skus, a_qtys) as line (sku, qty);
    insert into outbox (order_id, type, body) values (a_key, 'order.confirmed', a_cart);
    for line in select sku, qty from unnest(a_skus, a_qtys) as line (sku, qty) order by sku loop
        update stock set committed = committed + line.qty
            where sku = line.sku and on_hand - committed >= line.qty;
        if not found then
            raise exception 'out of stock: %', line.sku;
        end if;
    end loop;
    return 'confirmed';
end $$;
vacuum analyze;
