"""Puts a crowd made by Locust before the whole system with 1, 2, 4 … gateways, one after the other, on this machine.

For each number of gateways: MariaDB, Redis, issuer, persister, the gateways behind HAProxy, and Locust (a master and
--workers workers) with a scenario of load-test/locust. Then the promises are checked: by Locust's master, which
compares what everybody was told with what the API says, and by `coupond verify` once the database has everything. Any
broken promise, and any failed request, makes the exit status 1; 2 means that it could not be run.

Figures. The rate is the median of the answers to asks for issues in each second of the time that the whole crowd is
there, without its first and its last second. Latencies are Locust's: whole milliseconds, and they include the time that
an answer waits for Locust itself. CPU is what /proc/PID/stat of each process gained in the same time. Locust, HAProxy
and all the rest share this machine's cores, and a request costs Locust, which is Python, many times what it costs
coupond: with few cores the rate tells how fast Locust asks, not how fast coupond answers; each row says what was at its
limit. Whoever wants to see coupond's limit runs Locust's workers on other machines (load-test/locust/README.md), or
`./dev bench`.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.normpath(os.path.join(HERE, "..", ".."))
for folder in (os.path.join(HERE, ".."), REPOSITORY):
    if folder not in sys.path:
        sys.path.insert(0, folder)
