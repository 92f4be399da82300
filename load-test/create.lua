-- wrk script: POST /v1/coupons with a new coupon in every request, ids in random order.
-- wrk -s create.lua URL -- SEED
-- The number of a request is multiplied by an odd constant modulo 2^32, so all ids of a thread differ; the thread's
-- number is at the end of the id.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   local host = wrk.headers["Host"] or wrk.host
   local tail = string.format("%02d", number)
   local example = string.format('{"id":"%08x%s","title":"One of a million","quantity":1000}', 0, tail)
   count = tonumber(args[1] or "0")
   before = string.format("POST /v1/coupons HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
      .. "Content-Length: %d\r\n\r\n{\"id\":\"", host, #example)
   after = tail .. '","title":"One of a million","quantity":1000}'
end

function request()
   count = count + 1
   -- 2654435769 * count modulo 2^32, in two halves, since a double holds 53 bits
   local id = ((count % 65536) * 2654435769 + (math.floor(count / 65536) * 2654435769) % 65536 * 65536) % 4294967296
   return string.format("%s%08x%s", before, id, after)
end

function done(summary, latency, requests)
   local errors = summary.errors
   print(string.format("RESULT requests=%d duration_us=%d not_2xx=%d socket_errors=%d p50_us=%d p99_us=%d max_us=%d",
      summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99), latency.max))
end
