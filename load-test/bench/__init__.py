"""Compares the rate of coupond with those of other systems, on one machine, with one client.

Method. wrk (one thread, so one core) sends POST requests for issues, each for a new user, over keep-alive connections.
Every measurement starts an empty peer and warms up for a second. The peers alternate in rounds, so that a slowdown of
the machine affects all of them. Figures are medians over the rounds; a ratio is the median of the rounds' ratios. CPU
is the increase in /proc/PID/stat during the measurement, divided by the answers that the client counted. Syncs and
messages come from /metrics. Afterwards the issues in the peer are counted and must match its answers. The device's
fdatasync is measured in the same directory before and after, with writes of 8 KiB into an allocated and zeroed file,
like the journal.

Always measured:
  nginx, a constant       one worker that answers a constant of similar size, without any decision
  coupond, sync = …       two processes, a gateway of one thread and an issuer of one partition, with shared memory, and
                          without a persister
  coupond, …, SQLite      the same, with a persister that writes the issues into SQLite meanwhile (--persister,
                          --stores)
  coupond, …, MariaDB     the same, into a MariaDB that syncs every commit (--stores)
  coupond, …, TCP         the same, over TCP instead of shared memory (--links)
  coupond, …, CURVE       the same, encrypted by cluster/secret_file (--links tcp,curve shows the cost)

Measured with --against PROGRAM:
  other build, …          another build of coupond, such as one without a change, alternating with this one

Measured with --peers, or --peers NAME,…:
  redis-benchmark         Redis (AOF everysec) with a Lua script that decides (SISMEMBER, SCARD, SADD, RPUSH), without
                          HTTP and without pipelining
  redis-benchmark-p16     the same with 16 pipelined requests per connection, so that a connection has 16 users
  webdis                  the same Redis and script behind webdis, which answers 200 for every result
  fastify-lua             the same Redis and script behind fastify: ioredis, autopipelining
  fastify-lua-consumer    the same, with a process that moves the list into MariaDB, 1,000 at a time: a common design
                          for sales in Redis
  fastify-row-lock        fastify and mysql2: SELECT … FOR UPDATE of the coupon's row, INSERT, UPDATE, COMMIT
  fastify-redis-lock      fastify, ioredis and mysql2: the same SQL without FOR UPDATE under a lock in Redis (SET NX PX,
                          released by a script)

All fastify peers are one process with the same front end and answer like coupond's API: 201 with the issue, 409 with a
code. Redis and MariaDB are connected by UNIX sockets (webdis supports only TCP). Redis does not rewrite its AOF and
MariaDB keeps no binary log meanwhile. With AOF everysec, a power loss can lose about two seconds of Redis's answers,
like coupond's with a sync interval; MariaDB and coupond with sync = always lose none.

--open-loop adds, after each measurement, `coupond bench` at 25, 50 and 75 % of the measured rate: requests are sent at
their intended times regardless of the answers, and latencies count from these times. It applies to peers with the same
API: coupond, nginx, the fastify peers. For coupond, the sync times of the device are measured just before and after, in
the same file system, for writes of a batch's size at that rate. The limits are derived from them: p50 at most 1.5 times
the device's plus 1 ms, p99 at most 3 times the device's plus 1 ms.

--gateways N,… is a different measurement: coupond with N gateways of one thread, each on its own port. One wrk loads
all of them over the same connections; its number of threads is a common multiple of the numbers, and each thread uses
one gateway, so that the client is always the same. It reports the CPU per request of all gateways together and of the
issuer, and their increase from the first number to the last in percent. With 1,2,4 and the defaults it takes four
minutes.

--grow USERS measures the slowest answer while one coupon is issued to that many users: wrk measures the capacity of a
fresh coupond with sync = always, then `coupond bench` loads another fresh one at half of that rate, with the largest
number of connections. Meanwhile a thread on each core, with real-time priority if that is allowed, sleeps for a
millisecond at a time, so that stalls of the machine can be distinguished from delays of coupond. nginx is loaded at the
same rate for a minute. 20000000 users take eight to ten minutes and a few GB of disk.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "support"))

from .peers import Nginx

__all__ = ["Nginx"]
