"""nginx and coupond, the peers of every run."""

import json
import os
import shutil
import urllib.request

from ports import free_port

from .clients import COUPON, QUANTITY
from .machine import children
from .process import Peer
from .servers import MariaDB

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTERS = {
    "decided": "coupond_issuer_verdicts_total",
    "syncs": "coupond_issuer_journal_sync_seconds_count",
    "sent": "coupond_gateway_batch_requests_sum",
    "messages": "coupond_gateway_batch_requests_count",
    "taken": "coupond_issuer_batch_requests_sum",
    "batches": "coupond_issuer_batch_requests_count",
}
STORES = {"none": "", "sqlite": ", SQLite", "mariadb": ", MariaDB"}


class Nginx(Peer):
    name = "nginx, a constant"
    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def start(self):
        port = free_port()
        with open(os.path.join(HERE, "..", "nginx.conf.in")) as file:
            config = file.read().replace("@DIR@", self.directory).replace("@PORT@", str(port))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w") as file:
            file.write(config)
        master = self.spawn("nginx", [self.program, "-e", os.path.join(self.directory, "error.log"), "-c", path])
        self.url = f"http://127.0.0.1:{port}"
        self.wait_for(self.url + "/")
        self.pids = {"nginx": children(master.pid)[0]}

    def issued(self):
        return None


class Coupond(Peer):
    """Gateway and issuer; and, where `store` is not none, a persister and its database."""

    binary = None

    def __init__(self, directory, sync, store="none"):
        super().__init__(directory)
        self.name = self.name_of(sync, store)
        self.sync = sync
        self.store = store

    @staticmethod
    def name_of(sync, store="none"):
        unit = " ms" if sync.isdigit() else ""
        return f"coupond, sync = {sync}{unit}{STORES[store]}"

    def role(self, role, options):
        command = [self.binary, role]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        self.pids[role] = self.spawn(role, command).pid

    def store_options(self):
        if self.store != "mariadb":
            return {"store/path": f"{self.directory}/coupond.db"}
        server = self.add_server(MariaDB())
        self.pids["mariadbd"] = server.pid
        return {name.removeprefix("COUPOND_").lower().replace("_", "/", 1): value
                for name, value in server.environment().items() if name.startswith("COUPOND_STORE_")}

    def start(self):
        path = self.directory
        gateway, issuer, persister = (f"127.0.0.1:{free_port()}" for _ in range(3))
        common = {f"issuer/{name}": f"ipc://{path}/{name}" for name in ("requests", "events", "acks")}
        common |= {**self.store_options(), "log/level": "warn"}
        self.url = f"http://{gateway}"
        self.role("issuer", {"issuer/journal_dir": f"{path}/journal", "issuer/sync": self.sync, "issuer/http": issuer, **common})
        self.role("gateway", {"gateway/http": gateway, "gateway/threads": 1, **common})
        self.scrapes = [f"http://{issuer}/metrics", f"{self.url}/metrics"]
        if self.store != "none":
            self.role("persister", {"persister/http": persister, **common})
            self.scrapes.append(f"http://{persister}/metrics")
            self.wait_for(self.scrapes[-1])
        self.wait_for(self.url + "/readyz")
        body = json.dumps({"id": COUPON, "title": "bench", "quantity": QUANTITY}).encode()
        request = urllib.request.Request(self.url + "/v1/coupons", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def metrics(self):
        """[(name with labels, value)] of all its processes."""
        for url in self.scrapes:
            with urllib.request.urlopen(url, timeout=10) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("coupond_"):
                        name, value = line.rsplit(" ", 1)
                        yield name, float(value)

    def sums(self):
        """The sum of every metric over its labels."""
        sums = {}
        for name, value in self.metrics():
            name = name.split("{", 1)[0]
            sums[name] = sums.get(name, 0.0) + value
        return sums

    def counters(self):
        sums = self.sums()
        return {name: sums.get(metric, 0.0) for name, metric in COUNTERS.items()}

    def stored(self):
        return self.sums().get("coupond_persister_rows_total")

    def refusals(self):
        told = ("coupond_gateway_requests_total{", "coupond_issuer_verdicts_total{")
        return [f"{name} {value:,.0f}" for name, value in self.metrics() if value and name.startswith(told)]
