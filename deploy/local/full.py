"""./dev run --full: runs the whole system on this machine until Ctrl-C or SIGTERM.

    python3 -m deploy.local.full [--dir DIR] [--gateways N] [--port-base N] [--set section/name=value]…
"""

import argparse
import contextlib
import os
import signal
import sys
import threading

from .process import LocalError
from .servers import REPOSITORY
from .system import PROGRAM, System


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev run --full", description=__doc__.splitlines()[0])
    parser.add_argument("--dir", default=REPOSITORY / "var/full",
                        help="folder for data, logs and configuration (var/full)")
    parser.add_argument("--gateways", type=int, default=3, metavar="N", help="gateways behind HAProxy (3)")
    parser.add_argument("--persisters", type=int, default=2, metavar="N", help="persisters (2)")
    parser.add_argument("--port-base", type=int, metavar="N", help="use ports from N on instead of the default ones")
    parser.add_argument("--set", action="append", default=[], metavar="section/name=value",
                        help="an option of coupond, for all roles")
    parser.add_argument("--program", default=PROGRAM, help="coupond itself (build/release/coupond/coupond)")
    parsed = parser.parse_args(arguments)
    if parsed.gateways < 1 or parsed.persisters < 1:
        parser.error("at least one gateway and one persister are needed")
    if parsed.port_base is not None and not 1 <= parsed.port_base <= 65000:
        parser.error("--port-base is 1 to 65000")
    for option in parsed.set:
        if "=" not in option or "/" not in option.split("=")[0]:
            parser.error(f"--set {option}: expected section/name=value")
    return parsed


def say(line, descriptor=1):
    """Writes a line. The reader may be gone, such as a `tee` that the same Ctrl-C ended; the system must still be
    stopped in order."""
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{line}\n".encode())


def open_standard_streams():
    """Opens closed standard streams; otherwise the next opened file would get their number and receive the messages."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def describe(system):
    others = [("Prometheus", system.url("prometheus")), ("Alertmanager", system.url("alertmanager")),
              ("HAProxy statistics", system.url("haproxy-metrics")),
              *((f"gateway {i + 1}", url) for i, url in enumerate(system.gateway_urls))]
    pages = "\n".join(f"  {title:<20}{url}" for title, url in others)
    header = "-H 'Content-Type: application/json'"
    return f"""
coupond serves on {system.front_url}, through HAProxy. Create a coupon, and request one:

  curl -X POST {system.front_url}/v1/coupons {header} -d '{{"id":"first","title":"First come","quantity":100}}'
  curl -X POST {system.front_url}/v1/coupons/first/issues {header} -d '{{"user_id":"alice"}}'

{pages}

  data and logs       {system.directory}; to start from scratch, stop the system and remove it
  a live screen       {system.program} top {" ".join(system.metrics_urls)}
  the promises        {system.program} verify --config {system.config_path}

Debian has no package of Grafana; docker-compose.yml includes it, with the dashboards of monitoring/.
A process that you kill is restarted. Ctrl-C stops everything in order.
"""


def wait_for_end(system, ended):
    try:
        while not ended.wait(0.5):
            system.supervise()
    finally:
        ended.set()


def main(arguments):
    options = parse(arguments)
    ended = threading.Event()

    def end(*_):
        if ended.is_set():
            return  # the system is being stopped already
        ended.set()
        say("\nstopping, HAProxy and gateways first")
        raise SystemExit(0)

    open_standard_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, end)
    try:
        more = dict(option.split("=", 1) for option in options.set)
        with System(options.dir, program=options.program, gateways=options.gateways, persisters=options.persisters,
                    ports=options.port_base or "usual", options=more, say=say) as system:
            say(describe(system))
            wait_for_end(system, ended)
    except LocalError as error:
        say(f"./dev run --full: {error}", descriptor=2)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
