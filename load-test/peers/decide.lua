-- Decides about one issue in Redis, as it is commonly done; what all peers on Redis run.
-- KEYS: the coupon's users (a set), what is issued and not yet in a database (a list). ARGV: user, quantity.
-- Returns the issue's sequence, 0 when all are gone, -1 when the user has one.
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
