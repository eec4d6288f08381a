-- Stock of ARGV[1] SKUs, ample for every order.
for sku = 0, tonumber(ARGV[1]) - 1 do
    redis.call('SET', 'stock:' .. sku, 100000000)
end
return 'OK'
