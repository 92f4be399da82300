"""Compares the rate of coupond with those of other systems, on one machine, with one client.

Method. wrk (one thread, so one core) posts issues, each for a user of its own, over so many keep-alive connections.
Every measurement starts its peer afresh with nothing in it, warms up for a second, and is followed by the next peer's,
round after round, so that a machine that slows down does so for all. Figures are medians over the rounds; a ratio is
the median of the rounds' ratios. CPU is what /proc/PID/stat gained during the measurement, divided by the answers that
the client counted. Syncs and messages come from /metrics. What a peer has issued is counted in it afterwards, and must
be what it answered. The device's own fdatasync is measured in the same directory before and after, with writes of 8 KiB
into a file that was allocated and zeroed, as the journal does.

Always measured:
  nginx, a constant       one worker that answers a constant of like size, and decides nothing
  coupond, sync = …       two processes, a gateway of one thread and an issuer of one partition, sharing memory; nothing
                          listens to its stream
  coupond, …, SQLite      the same, and a persister that writes what is issued into SQLite meanwhile (--persister,
                          --stores)
  coupond, …, MariaDB     the same, into a MariaDB whose every commit is synced (--stores)
  coupond, …, TCP         the same, over TCP instead of memory that is shared (--links)
  coupond, …, CURVE       the same, encrypted by cluster/secret_file (--links tcp,curve tells what that costs)

Measured with --against PROGRAM:
  other build, …          another build of coupond, such as the one before a change, in turn with this one

Measured with --peers, or --peers NAME,…:
  redis-benchmark         Redis (AOF everysec) and a Lua script that decides (SISMEMBER, SCARD, SADD, RPUSH), without
                          HTTP, each request at once
  redis-benchmark-p16     the same, 16 requests a connection at a time, so that a connection has 16 users
  webdis                  the same Redis and script behind webdis; it answers 200 whatever the script says
  fastify-lua             the same Redis and script behind fastify: ioredis, autopipelining
  fastify-lua-consumer    the same, and a process that takes the list, 1,000 at a time, into MariaDB: the usual way to
                          sell out in Redis
  fastify-row-lock        fastify and mysql2: SELECT … FOR UPDATE of the coupon's row, INSERT, UPDATE, COMMIT
  fastify-redis-lock      fastify, ioredis and mysql2: the same SQL without FOR UPDATE under a lock in Redis (SET NX PX,
                          released by a script)

All fastify peers are one process with the same front and answer as coupond's API does: 201 with the issue, 409 with a
code. Redis and MariaDB are reached by UNIX sockets (webdis knows only TCP). Redis rewrites no AOF and MariaDB keeps no
binary log meanwhile. An answer of Redis with AOF everysec may be lost with the power for about two seconds, as one of
coupond with a sync interval; one of MariaDB, or of coupond with sync = always, is not.

--open-loop adds, after each measurement, `coupond bench` at 25, 50 and 75 % of the rate just measured: requests leave
at their times whatever the answers do, and latencies count from the intended times. It asks whatever speaks the API:
coupond, nginx, the fastify peers. Beside coupond's stands what the device itself takes just before and after, for
writes as large as a batch was at that rate, in the same file system, and the limits that follow: p50 at most 1.5 times
the device's and 1 ms, p99 at most 3 times the device's and 1 ms.

--gateways N,… measures something else: coupond with so many gateways of one thread, each on a port of its own (a
gateway shares its port with no other process). One wrk asks all of them over as many connections as ever, with as many
threads as each of the numbers divides, and each thread asks one gateway, by turns; so the client is the same for all.
It tells the CPU a request of all gateways together and of the issuer, and by how many percent they rise from the first
number to the last. With 1,2,4 and the defaults it takes four minutes.

--grow USERS measures how slow the slowest answer is while one coupon is issued to so many users: the capacity of a
fresh coupond with sync = always by wrk, then another fresh one at half of that by `coupond bench`, at the most
connections. A thread on each core, that goes before all others where that is allowed, sleeps a millisecond at a time
meanwhile, so that what the machine stood still can be told from what coupond took; and nginx is asked at the same rate
for a minute. 20000000 users take eight to ten minutes, and a few GB of disk.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "support"))

from .peers import Nginx

__all__ = ["Nginx"]
