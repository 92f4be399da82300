"""Runs Locust against the whole system with 1, 2, 4 … gateways, one after the other, on this machine.

For each number of gateways: MariaDB, Redis, issuer, persister, the gateways behind HAProxy, and Locust (a master and
--workers workers) with a scenario of load-test/locust. Then the promises are checked: by Locust's master, which
compares all answers with the API, and by `coupond verify` once the database has everything. The exit status is 1 after
a broken promise or a failed request, and 2 if the test could not run.

Figures. The rate is the median of the answers to issue requests in each second during which the whole crowd is present,
without the first and the last second. Latencies are Locust's: whole milliseconds, including the time that an answer
waits for Locust itself. CPU is the increase in /proc/PID/stat of each process in the same time. Locust, HAProxy and all
other processes share this machine's cores, and a request costs Locust, which is Python, many times what it costs
coupond: with few cores the rate shows how fast Locust sends, not how fast coupond answers. Each row names the
bottleneck. To measure coupond's limit, run Locust's workers on other machines (load-test/locust/README.md), or use
`./dev bench`.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.normpath(os.path.join(HERE, "..", ".."))
for folder in (os.path.join(HERE, ".."), REPOSITORY):
    if folder not in sys.path:
        sys.path.insert(0, folder)
