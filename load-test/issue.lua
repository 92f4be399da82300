-- wrk script: POST /v1/coupons/COUPON/issues with a user of its own in every request.
-- wrk -s issue.lua URL -- COUPON PREFIX
-- Each wrk thread has a number, so no two threads make up the same user. The id has a fixed width, so a request is two
-- strings around it and nothing is counted anew.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   local coupon, prefix = args[1] or "BENCH", args[2] or "u"
   local user_length = #string.format("%s-%02d-%010d", prefix, number, 0)
   count = 0
   before = string.format("POST /v1/coupons/%s/issues HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
      .. "Content-Length: %d\r\n\r\n{\"user_id\":\"%s-%02d-", coupon, wrk.headers["Host"] or wrk.host,
      #'{"user_id":""}' + user_length, prefix, number)
end

function request()
   count = count + 1
   return string.format("%s%010d\"}", before, count)
end

function done(summary, latency, requests)
   local errors = summary.errors
   print(string.format("RESULT requests=%d duration_us=%d not_2xx=%d socket_errors=%d p50_us=%d p99_us=%d max_us=%d",
      summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99), latency.max))
end
