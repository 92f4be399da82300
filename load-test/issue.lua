-- wrk script: POST /v1/coupons/COUPON/issues with a new user in every request.
-- wrk -s issue.lua URL -- COUPON PREFIX [PATH [METHOD BODY]]
-- With PATH, it sends GET PATH instead, or METHOD PATH with the JSON of BODY, and replaces USER in the path by the user.
-- WRK_PORTS in the environment, as PORT,PORT…, assigns the threads to these ports of 127.0.0.1 in turn, instead of the URL's port.
-- Each wrk thread has a number, so that threads never generate the same user. The id has a fixed width, so that a request is
-- two constant strings around it.

local threads = 0
local ports = {}
for port in (os.getenv("WRK_PORTS") or ""):gmatch("%d+") do
   ports[#ports + 1] = port
end

function setup(thread)
   thread:set("number", threads)
   if #ports > 0 then
      thread.addr = wrk.lookup("127.0.0.1", ports[threads % #ports + 1])[1]
   end
   threads = threads + 1
end

function init(args)
   local coupon, prefix, path, method, body = args[1] or "BENCH", args[2] or "u", args[3], args[4] or "GET", args[5]
   local host = wrk.headers["Host"] or wrk.host
   local user = string.format("%s-%02d-", prefix, number)
   count = 0
   if path then
      local first, last = path:find("USER", 1, true)
      local content = body and string.format("Content-Type: application/json\r\nContent-Length: %d\r\n", #body) or ""
      before = string.format("%s %s%s", method, path:sub(1, first - 1), user)
      after = string.format("%s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", path:sub(last + 1), host, content, body or "")
   else
      before = string.format("POST /v1/coupons/%s/issues HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
         .. "Content-Length: %d\r\n\r\n{\"user_id\":\"%s", coupon, host, #'{"user_id":""}' + #user + 10, user)
      after = '"}'
   end
end

function request()
   count = count + 1
   return string.format("%s%010d%s", before, count, after)
end

function done(summary, latency, requests)
   local errors = summary.errors
   print(string.format("RESULT requests=%d duration_us=%d not_2xx=%d socket_errors=%d p50_us=%d p99_us=%d max_us=%d",
      summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99), latency.max))
end
