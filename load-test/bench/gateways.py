"""--gateways: the cost of a request when more gateways share the same connections."""

import functools
import math
import sys

from . import measuring
from .clients import BenchError, run_wrk
from .peers import Coupond

TARGET_PERCENT = 10  # limit of the increase in cost from the first number of gateways to the last


class SharedOut(Coupond):
    """coupond with several gateways and one wrk, which uses the same number of threads for each."""

    def __init__(self, directory, sync, gateways, threads):
        super().__init__(directory, sync, gateways=gateways)
        self.name = f"{self.name}, {gateways} gateway{'s' if gateways > 1 else ''}"
        self.threads = threads

    def load(self, connections, seconds, prefix):
        before = self.asked()
        result = run_wrk(self.url, connections, seconds, prefix, threads=self.threads, ports=self.ports)
        if any(now == then for now, then in zip(self.asked(), before)):
            raise BenchError(f"{self.name}: a gateway got no requests\n{self.logs()}")
        return result

    def asked(self):
        """The number of requests that each gateway has forwarded so far."""
        wanted = "coupond_gateway_batch_requests_sum"
        return [sum(value for name, value in self.metrics_of(url) if name == wanted) for url in self.gateway_scrapes]


def threads_for(counts):
    """A number of wrk threads that divides evenly among any of these numbers of gateways, so that the client is always
    the same."""
    return math.lcm(*counts)


def cpu_of(result):
    """CPU in µs per request: of all gateways together, of the issuer, and of both."""
    cpu = result["cpu_us"]
    gateways = sum(value for name, value in cpu.items() if name.startswith("gateway"))
    return {"gateways": gateways, "issuer": cpu["issuer"], "together": gateways + cpu["issuer"]}


def rise(first, last):
    """{process: increase in cost per request with `last` gateways, in percent}: the median over the rounds, each
    compared within itself."""
    return {who: measuring.median([(after["cpu_us"][who] / before["cpu_us"][who] - 1) * 100
                                   for before, after in zip(first, last)])
            for who in first[0]["cpu_us"]}


def measure_rounds(options, directory):
    """{(connections, sync, gateways): [a result per round]}"""
    rounds, threads = {}, threads_for(options.gateways)
    for number in range(options.rounds):
        for key in [(connections, sync, count) for connections in options.connections for sync in options.sync
                    for count in options.gateways]:
            connections, sync, count = key
            make = functools.partial(SharedOut, directory, sync, count, threads)
            name, result = measuring.turn_or_again(make, connections, options)
            rounds.setdefault(key, []).append({**result, "cpu_us": cpu_of(result)})
            print(f"round {number + 1} of {options.rounds}  {connections:>5} connections  "
                  f"{name:<40}{result['rate']:>10,.0f} /s",
                  file=sys.stderr)
    return rounds


def run(options, directory):
    rounds = measure_rounds(options, directory)
    rows = [{"connections": connections, "sync": sync, "gateways": count, **measuring.summarize(results)}
            for (connections, sync, count), results in rounds.items()]
    first, last = options.gateways[0], options.gateways[-1]
    rises = [{"connections": connections, "sync": sync, "from": first, "to": last,
              "percent": rise(rounds[connections, sync, first], rounds[connections, sync, last])}
             for connections in options.connections for sync in options.sync]
    return {"wrk_threads": threads_for(options.gateways), "target_percent": TARGET_PERCENT, "rows": rows,
            "rises": rises}


def print_table(found):
    print(f"gateways of one thread each; wrk with {found['wrk_threads']} threads, its connections evenly distributed; "
          "CPU in µs per request\n")
    print(f"{'connections':>11}  "
          f"{'sync':<8}{'gateways':>9}{'rate /s':>10}{'p50 ms':>9}{'p99 ms':>9}{'per sync':>10}{'per message':>13}"
          f"{'CPU gateways':>14}{'issuer':>8}{'together':>10}")
    for one in found["rows"]:
        cpu = one["cpu_us"]
        print(f"{one['connections']:>11}  "
              f"{one['sync']:<8}{one['gateways']:>9}{one['rate']:>10,.0f}{one['p50_us'] / 1000:>9.2f}"
              f"{one['p99_us'] / 1000:>9.2f}{one['requests_per_sync'] or 0:>10,.1f}"
              f"{one['requests_per_message'] or 0:>13,.1f}{cpu['gateways']:>14.2f}{cpu['issuer']:>8.2f}"
              f"{cpu['together']:>10.2f}")
    print()
    for one in found["rises"]:
        told = ", ".join(f"{who} {percent:+.1f} % ({'within' if percent <= found['target_percent'] else 'beyond'} "
                         "the target)"
                         for who, percent in one["percent"].items())
        print(f"{one['connections']} connections, sync = {one['sync']}: from {one['from']} to {one['to']}: {told}")
    print(f"target: at most {found['target_percent']:+} %; medians of the increases within each round")
