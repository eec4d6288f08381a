-- An order on Redis: idempotency key, deduction from stock, append to the stream.
-- KEYS[1] idempotency key with the order's number; ARGV: number of SKUs, lines at most, cart.
local known = redis.call('GET', KEYS[1])
if known then
    return known
end
local number = tonumber(string.match(KEYS[1], '%d+'))
local n_skus, taken = tonumber(ARGV[1]), {}
for line = 1, 1 + number % tonumber(ARGV[2]) do
    local sku = 'stock:' .. (number + line * 7919) % n_skus
    taken[line] = sku
    if redis.call('DECRBY', sku, 1) < 0 then
        for back = 1, line do
            redis.call('INCRBY', taken[back], 1)
        end
        redis.call('SET', KEYS[1], 'out_of_stock')
        return 'out_of_stock'
    end
end
redis.call('XADD', 'outbox', '*', 'order', number, 'type', 'order.confirmed', 'cart', ARGV[3])
redis.call('SET', KEYS[1], 'confirmed')
return 'confirmed'
