-- Decides about one issue in Redis in the common way; all peers with Redis use it.
-- KEYS: the coupon's users (a set), issues that are not in a database yet (a list). ARGV: user, quantity.
-- Returns the issue's sequence, 0 if sold out, -1 if the user has one.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then
   return -1
end
local issued = redis.call('SCARD', KEYS[1])
if issued >= tonumber(ARGV[2]) then
   return 0
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[2], (issued + 1) .. ' ' .. ARGV[1])
return issued + 1
