"""The system under test: the real processes with a cluster secret, each on its own host (network namespaces) if
possible, a small disk for the journal, libraries that make calls fail and clocks jump, the database, and peers without
the secret that send false messages to the issuer.

One gateway shares memory with the issuer. The last gateway and the last persister reach the issuer through a relay,
which can delay their bytes.

`missing` lists the parts that this machine does not support (without root or libfaketime), with the reason.
"""

import collections
import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path

import network
import small_disk
from clock import IssuerClock
from cluster import ClusterError, binary, environment, run_coupond, wait_until
from history import Row, event_of_line
from hosted import HostedCluster, HostedMariaDB, hosts_of
from preload import Preload, faketime_library
from prober import Prober
from surroundings import Relay, Strangers

PARTITIONS, GATEWAYS, PERSISTERS = 2, 3, 2
DISK_MEBIBYTES = 512
HEALTHY_SECONDS = 120
VERIFY_EVERY_SECONDS = 20
SETTLE_SECONDS = 4  # how long a step of the clock must last to be accepted
OPTIONS = {"gateway/issuer_timeout_ms": 1000, "issuer/resend_ms": 1000, "issuer/segment_mb": 2, "issuer/snapshot_mb": 1,
           "issuer/keep_minutes": 0, "issuer/clock_settle_ms": SETTLE_SECONDS * 1000,
           "persister/retry_max_ms": 1000,
           "store/connect_timeout_ms": 1000, "store/io_timeout_ms": 4000}


class World:
    def __init__(self, directory, store="mysql"):
        self.directory = Path(directory)
        self.store = store
        self.missing = {}
        self.broken = []  # violations, as text; empty at the end of a successful run
        self.busy = set()  # members and parts that an active fault has reserved
        self.lock = threading.Lock()
        self.ending = False  # the run ends: no long waits any more
        self.traffic = None
        self.verified = collections.Counter()  # checks of the running system, by exit status
        self.prober = None
        self.hosts = {}
        self.network = self.disk = self.database = self.cluster = self.observer = self.strangers = None
        self.relays = {}  # {member's name: Relay}
        self._stack = contextlib.ExitStack()
        self._stopping = threading.Event()

    # life

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._build()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        if self.cluster:
            self.cluster.end()
        self._stack.close()

    def _build(self):
        self._build_network()
        self._build_disk()
        self._build_preload()
        if self.store != "mysql":
            self.missing["database"] = "the store is a file"
        else:
            self.database = self._stack.enter_context(HostedMariaDB(self.hosts.get("database")))
        self.cluster = HostedCluster(self.directory, self.hosts, gateways=GATEWAYS, partitions=PARTITIONS,
                                     persisters=PERSISTERS, database=self.database, options=OPTIONS)
        self.cluster.journal_directory = self.cluster.options["issuer/journal_dir"] = self.journal
        self._create_secret()
        self._let_one_gateway_share_memory()
        self.relays = {member.name: self._relay(member, names) for member, names in
                       ((self.cluster.gateways[-1], ["gateway/requests"]),
                        (self.cluster.persisters[-1], ["persister/events", "persister/acks"]))}
        self.cluster.issuer.environment = self.preload.environment()
        self._before_each_start(self.cluster.issuer, lambda: self.clock.started(time.monotonic()))
        self.prober = Prober(self.cluster.addresses, self._stopping.is_set)
        self.cluster.start()
        self.strangers = self._stack.enter_context(Strangers(self))
        for action in (self._watch, self._archive, self._verify):
            threading.Thread(target=action, daemon=True).start()

    def _create_secret(self):
        self.secret = self.cluster.options["cluster/secret_file"] = self.directory / "secret"
        if run_coupond("keygen", self.secret).returncode != 0:
            raise ClusterError("coupond keygen failed")

    def _let_one_gateway_share_memory(self):
        """The first gateway shares memory with the issuer; the others use TCP or sockets."""
        self.cluster.options["issuer/local_requests"] = f"shm://{self.directory}/local"
        for gateway in self.cluster.gateways[1:]:
            gateway.arguments += ["--set", f"gateway/requests={self.cluster.options['issuer/requests']}"]

    def _relay(self, member, names):
        """Creates a relay that is started before the member, on its host, and again whenever the host is replaced."""
        relay = Relay(self.cluster.options, names, PARTITIONS, member.prefix)
        member.arguments += relay.arguments()
        self._stack.callback(relay.stop)
        self._before_each_start(member, relay.restart)
        return relay

    def _build_network(self):
        reason = network.why_not()
        if reason:
            self.missing["network"] = reason
            return
        self.network = self._stack.enter_context(network.Network())
        self.hosts = hosts_of(self.network, GATEWAYS, PERSISTERS)
        self.observer = self.network.host("observer")  # runs verify; no fault targets it

    def _build_disk(self):
        reason = small_disk.why_not()
        root = self.directory / "disk"
        root.mkdir(parents=True)
        if reason:
            self.missing["disk"] = reason
        else:
            self.disk = self._stack.enter_context(small_disk.SmallDisk(root, DISK_MEBIBYTES))
        self.journal, self.archive = root / "journal", root / "archive"

    def _build_preload(self):
        clock = faketime_library() is not None
        if not clock:
            self.missing["clock"] = "libfaketime is not installed"
        self.preload = Preload(self.directory / "rules", clock=clock)
        self.clock = IssuerClock(time.time() - time.monotonic(), SETTLE_SECONDS)

    @staticmethod
    def _before_each_start(member, action):
        start = member.start

        def both():
            action()
            start()

        member.start = both

    # watching

    def fail(self, text):
        self.broken.append(text)

    def _watch(self):
        """A member that ends while no fault targets it has failed."""
        while not self._stopping.wait(0.2):
            if self.strangers.has_died():
                self.fail("the peers without the secret ended unexpectedly")
                return
            with self.lock:
                for member in self.cluster.members:
                    process = member.process
                    if member.name not in self.busy and process and process.poll() is not None:
                        self.fail(f"{member.name} ended unexpectedly with status "
                                  f"{process.returncode}:\n{member.log()[-3000:]}")
                        member.process = None
                        self.busy.add(member.name)  # no more faults for it
                    elif (member.name not in self.busy and member.name in self.relays
                          and self.relays[member.name].has_died()):
                        self.fail(f"the relay of {member.name} ended unexpectedly")

    def _archive(self):
        """Links every segment of the journal under a second name, so that the whole journal can be read at the end."""
        while not self._stopping.wait(0.1):
            self.archive_now()

    def archive_now(self):
        for path in [*self.journal.glob("p*/*.segment"), *self.journal.glob("p*/meta")]:
            kept = self.archive / path.relative_to(self.journal)
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    os.link(path, kept)

    def _verify(self):
        """`coupond verify` must never find a violation in the running system; a check that cannot run is allowed."""
        while not self._stopping.wait(VERIFY_EVERY_SECONDS) and not self.ending:
            result = self.verify()
            self.verified[result.returncode] += 1
            print(f"         verify of the running system: {result.returncode} {result.stderr.strip()[:300]}",
                  flush=True)
            if result.returncode not in (0, 2):
                self.fail("verify of the running system exited with "
                          f"{result.returncode}\n{result.stdout}{result.stderr}")

    def overloaded(self):
        """The number of requests answered `overloaded` so far."""
        return self.traffic.overloaded

    # members

    @contextlib.contextmanager
    def reserved(self, member):
        """Waits until no other fault targets the member, and reserves it."""
        def take():
            with self.lock:
                free = member.name not in self.busy
                if free:
                    self.busy.add(member.name)
                return free
        wait_until(take, f"{member.name} is free", seconds=HEALTHY_SECONDS)
        try:
            yield
        finally:
            with self.lock:
                self.busy.discard(member.name)

    def wait_healthy(self, member):
        wait_until(lambda: self._stopping.is_set() or member.is_ready(),
                   lambda: f"{member.name} is ready again\n{member.log()[-3000:]}", seconds=HEALTHY_SECONDS, pause=0.05)

    def restart(self, member):
        member.start()
        self.wait_healthy(member)

    def wait_all_healthy(self):
        for member in self.cluster.members:
            self.wait_healthy(member)

    def verify(self):
        """Runs `coupond verify` on the host that reaches the database and has the journal's disk."""
        prefix = self.observer.prefix if self.observer else []
        return subprocess.run([*prefix, binary(), "verify", "--config", str(self.cluster.config_path)],
                              env=environment(), capture_output=True, text=True, check=False, timeout=300)

    # the issuer's clock

    def step_clock(self, offset):
        """Sets the clock of the issuer's host to this offset, in seconds, from the harness's clock."""
        before = time.monotonic()
        self.preload.step_clock(offset)
        self.clock.stepped(before, time.monotonic(), offset)

    # the end

    def stop(self):
        """Stops the peers without the secret, then all members by SIGTERM; each must exit with status 0."""
        self.strangers.stop()
        self.archive_now()
        with self.lock:
            self.busy |= {member.name for member in self.cluster.members}
        self.cluster.stop()

    def events(self):
        """All records of the journal, in order."""
        self.archive_now()
        result = run_coupond("journal", "dump", "--json", self.archive)
        if result.returncode != 0:
            raise ClusterError(f"journal dump: {result.stderr}")
        return [event_of_line(line) for line in result.stdout.splitlines()]

    def rows(self):
        return [Row(text(coupon), sequence, text(user), nth, time_text(issued_at), seq, text(state) or "issued",
                    text(reference) if text(state) == "redeemed" else None)
                for coupon, sequence, user, nth, issued_at, seq, state, reference in self.cluster.query(
                    "SELECT i.coupon_id, i.sequence, user_id, nth, issued_at, i.journal_seq, state, reference "
                    "FROM coupon_issue AS i LEFT JOIN coupon_issue_state AS s "
                    "ON s.coupon_id = i.coupon_id AND s.sequence = i.sequence")]

    def coupons(self):
        names = ("title", "quantity", "per_user_limit", "paused", "starts_at", "ends_at", "issued", "redeemed",
                 "returned")
        found = {}
        for row in self.cluster.query(f"SELECT id, {', '.join(names)} FROM coupon"):
            policy = dict(zip(names, map(text, row[1:])))
            policy |= {"paused": bool(policy["paused"]),
                       **{name: time_text(policy[name]) for name in ("starts_at", "ends_at")}}
            found[text(row[0])] = policy
        return found


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def time_text(value):
    """The time in the format of the API."""
    value = text(value)
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else value
