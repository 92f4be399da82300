"""nginx and coupond, the peers of every run."""

import json
import os
import shutil
import subprocess
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
    "bytes": "coupond_issuer_journal_written_bytes_total",
}
STORES = {"none": "", "sqlite": ", SQLite", "mariadb": ", MariaDB"}
LINKS = {"memory": "", "tcp": ", TCP", "curve": ", CURVE"}


class Nginx(Peer):
    name = "nginx, a constant"
    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def start(self):
        port = free_port()
        with open(os.path.join(HERE, "..", "nginx.conf.in"), encoding="utf-8") as file:
            config = file.read().replace("@DIR@", self.directory).replace("@PORT@", str(port))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        master = self.spawn("nginx", [self.program, "-e", os.path.join(self.directory, "error.log"), "-c", path])
        self.url = f"http://127.0.0.1:{port}"
        self.wait_for(self.url + "/")
        self.pids = {"nginx": children(master.pid)[0]}

    def issued(self):
        return None


class Coupond(Peer):
    """Gateways, each on its own port, an issuer, and, unless `store` is none, a persister with its database."""

    binary = None
    has_journal = True

    def __init__(self, directory, sync, store="none", gateways=1, link="memory"):
        super().__init__(directory)
        self.name = self.name_of(sync, store, link)
        self.sync = sync
        self.store = store
        self.link = link
        self.ports = [free_port() for _ in range(gateways)]
        self.url = self.urls[0]

    @property
    def urls(self):
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @staticmethod
    def name_of(sync, store="none", link="memory"):
        unit = " ms" if sync.isdigit() else ""
        return f"coupond, sync = {sync}{unit}{STORES[store]}{LINKS[link]}"

    def role(self, role, options, called=None):
        command = [self.binary, role]
        for name, value in options.items():
            command += ["--set", f"{name}={value}"]
        self.pids[called or role] = self.spawn(called or role, command).pid

    def start_gateways(self, common):
        for number, port in enumerate(self.ports):
            address = f"127.0.0.1:{port}"
            options, metrics = self.operators_port(address)
            self.role("gateway", {"gateway/http": address, "gateway/threads": 1, **options, **common},
                      f"gateway {number + 1}" if len(self.ports) > 1 else None)
            self.gateway_scrapes.append(f"http://{metrics}/metrics")
        self.scrapes += self.gateway_scrapes

    def operators_port(self, _address):
        """The options that give a gateway its operator's port, and the URL of its metrics there."""
        operator = f"127.0.0.1:{free_port()}"
        return {"gateway/operator_http": operator}, operator

    def store_options(self):
        if self.store != "mariadb":
            return {"store/path": f"{self.directory}/coupond.db"}
        server = self.add_server(MariaDB())
        self.pids["mariadbd"] = server.pid
        return {name.removeprefix("COUPOND_").lower().replace("_", "/", 1): value
                for name, value in server.environment().items() if name.startswith("COUPOND_STORE_")}

    def link_options(self):
        """The options of the links between the roles: shared memory, or TCP with or without encryption."""
        places = ("requests", "events", "acks")
        if self.link == "memory":
            return {f"issuer/{name}": f"ipc://{self.directory}/{name}"
                    for name in places} | {"issuer/local_requests": f"shm://{self.directory}/local"}
        options = {f"issuer/{name}": f"tcp://127.0.0.1:{free_port()}" for name in places}
        if self.link == "curve":
            secret = f"{self.directory}/secret"
            subprocess.run([self.binary, "keygen", secret], check=True, timeout=20, stdout=subprocess.DEVNULL)
            options["cluster/secret_file"] = secret
        return options

    def start(self):
        path = self.directory
        issuer, persister = (f"127.0.0.1:{free_port()}" for _ in range(2))
        common = {**self.link_options(), **self.store_options(), "log/level": "warn"}
        self.gateway_scrapes = []
        self.scrapes = [f"http://{issuer}/metrics"]
        self.role("issuer",
                  {"issuer/journal_dir": f"{path}/journal", "issuer/sync": self.sync, "issuer/http": issuer, **common})
        self.start_gateways(common)
        if self.store != "none":
            self.role("persister", {"persister/http": persister, **common})
            self.scrapes.append(f"http://{persister}/metrics")
            self.wait_for(self.scrapes[-1])
        for url in self.urls:
            self.wait_for(f"{url}/readyz")
        body = json.dumps({"id": COUPON, "title": "bench", "quantity": QUANTITY}).encode()
        request = urllib.request.Request(self.url + "/v1/coupons", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10):
            pass

    @staticmethod
    def metrics_of(url):
        """[(name with labels, value)] of one process."""
        with urllib.request.urlopen(url, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("coupond_"):
                    name, value = line.rsplit(" ", 1)
                    yield name, float(value)

    def metrics(self):
        """The metrics of all its processes, in the same form."""
        for url in self.scrapes:
            yield from self.metrics_of(url)

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


class OtherBuild(Coupond):
    """Another build of coupond, such as one without a change; metrics and options that only one build has are left
    out."""

    @staticmethod
    def name_of(sync, store="none", link="memory"):
        return Coupond.name_of(sync, store, link).replace("coupond", "other build", 1)

    @classmethod
    def of(cls, path):
        known = subprocess.run([path, "--help-config"], capture_output=True, text=True, timeout=20, check=True).stdout
        return type("OtherBuild", (cls,), {"binary": path, "has_operators_port": "operator_http" in known})

    def operators_port(self, address):
        return super().operators_port(address) if self.has_operators_port else ({}, address)
