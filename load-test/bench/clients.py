"""The clients that load the peers: wrk for rates, `coupond bench` for latencies at a rate, redis-benchmark for Redis
itself.

Those for rates return requests, duration_us, not_2xx, socket_errors, p50_us and p99_us.
"""

import csv
import io
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
COUPON = "BENCH"
QUANTITY = 1_000_000_000
MARGIN_SECONDS = 60
SLOW_MS = 10  # slower answers are examined
LOOP_CONNECTIONS_MAX = 1000  # per thread of `coupond bench`: fewer than the 1,024 events that libuv handles at once


class BenchError(Exception):
    pass


def run(command, seconds, **more):
    return subprocess.run(command, **{"stderr": subprocess.PIPE, **more}, stdout=subprocess.PIPE, text=True,
                          timeout=seconds + MARGIN_SECONDS, check=False)


def run_wrk(url, connections, seconds, prefix, more=(), threads=1, ports=()):
    """`more` are further arguments of issue.lua after coupon and prefix; `ports` are used by the threads in turn
    instead of the URL's port. A slow answer is not an error; it affects the latencies."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{MARGIN_SECONDS}s",
               "-s", os.path.join(HERE, "..", "issue.lua"), url, "--", COUPON, prefix, *more]
    output = run(command, seconds, env={**os.environ, "WRK_PORTS": ",".join(str(port) for port in ports)})
    for line in output.stdout.splitlines():
        if line.startswith("RESULT "):
            return {name: int(value) for name, value in (pair.split("=") for pair in line.split()[1:])}
    raise BenchError(f"wrk failed: {output.stdout}{output.stderr}")


def run_redis_benchmark(socket, connections, requests, pipeline, words):
    """Sends the command `words` that many times; each __rand_int__ in it is replaced by another number every time."""
    command = ["redis-benchmark", "-s", socket, "-c", str(connections), "-n", str(requests), "-P", str(pipeline),
               "-r", "2147483647", "--csv", *words]
    output = run(command, 600)
    rows = list(csv.DictReader(io.StringIO(output.stdout)))
    if output.returncode != 0 or len(rows) != 1:
        raise BenchError(f"redis-benchmark failed: {output.stdout}{output.stderr}")
    row = rows[0]
    return {"requests": requests, "duration_us": requests / float(row["rps"]) * 1e6, "not_2xx": 0, "socket_errors": 0,
            "p50_us": float(row["p50_latency_ms"]) * 1000, "p99_us": float(row["p99_latency_ms"]) * 1000}


def coupond_bench(binary, url, connections, seconds, rate, *more, **streams):
    """The JSON that `coupond bench` prints; `seconds` is its duration. Exit status 1 is accepted for nginx, whose
    constant answer breaks promises."""
    threads = connections // LOOP_CONNECTIONS_MAX + 1
    output = run([binary, "bench", "--url", url, "--coupon", COUPON, "--connections", str(connections), "--threads",
                  str(threads), "--rate", str(max(1, round(rate))), "--json", *more], seconds, **streams)
    if output.returncode not in (0, 1):
        raise BenchError(f"coupond bench ended with status {output.returncode}: {output.stdout}{output.stderr}")
    return json.loads(output.stdout)


def condense(told):
    """Latencies in µs from the intended send times, answers per second, and whether the promises were kept."""
    latency = told["latency_us"]
    return {"rate": told["rate"], "answered_rate": told["answered_rate"], "issued": told["outcomes"]["issued"],
            "sent": told["sent"], "kept": told["kept"], "p50_us": latency["p50"], "p99_us": latency["p99"],
            "p99.9_us": latency["p99.9"]}


def run_open_loop(binary, url, connections, seconds, rate):
    return condense(coupond_bench(binary, url, connections, seconds, rate, "--duration", str(seconds)))


def run_growth(binary, url, connections, users, rate):
    """One request for each of that many users. Returns the figures of run_open_loop(), the slowest answer, all slow
    answers, and the machine's stalls meanwhile. Progress goes to standard error."""
    told = coupond_bench(binary, url, connections, users / rate, rate, "--requests", str(users), "--slow", str(SLOW_MS),
                         "--progress", "2", stderr=None)
    return {**condense(told), "max_us": told["latency_us"]["max"], "seconds": told["seconds"], "slow": told["slow"],
            "stalls": told["stalls"]}
