"""Faults of the containers under load: stages of ./dev containers. After each of them, the judge requests every issue
again."""

import collections
import signal
import time

from answers import told
from progress import check, step, wait_until
from system import API, ask

COUPOND = ("persister", "issuer")
OTHERS = ("redis", "mysql", "haproxy", "prometheus", "alertmanager", "grafana", "mysqld-exporter", "redis-exporter")
KILLED = 137


class Harm:
    """Clients send requests during the fault; afterwards everything must be healthy and every answer must hold."""

    def __init__(self, run, what):
        self.run, self.what = run, what

    def __enter__(self):
        self.run.system.wait_connected()
        self.before = self.run.crowd.snapshot()
        self.run.crowd.start()
        wait_until(lambda: self.issued() > 20, 60, "clients are answered")
        return self

    def issued(self):
        return sum(number
                   for (status, _), number in (self.run.crowd.snapshot() - self.before).items() if status in (200, 201))

    def wait_served(self):
        """Waits until a new request is answered with an issue."""
        begun = self.issued()
        wait_until(lambda: self.issued() > begun + 20, 120,
                   lambda: f"clients are served again; {told(self.outcomes())}")

    def outcomes(self):
        return collections.Counter(self.run.crowd.snapshot()) - self.before

    def __exit__(self, kind, *_):
        if kind:
            self.run.crowd.stopping.set()
            return
        self.run.crowd.finish()
        self.run.note(f"{self.what}: {told(self.outcomes())}")


def new_passwords(run):
    """changes the passwords in the secrets: docker-compose up updates the accounts"""
    system = run.system
    system.write_passwords("second")
    with step("docker-compose up, then restart the services that read them"):
        system.up()
        system.compose("restart", "persister", "issuer", "mysqld-exporter")
        system.wait_healthy()
        wait_until(lambda: scraped(system, "mysql_up") == ["1"], 60,
                   lambda: f"the exporter can log in: {scraped(system, 'mysql_up')}")


def scraped(system, name):
    return [sample["value"][1] for sample in system.prometheus(f"query?query={name}")["result"]]


def sigterm(run):
    """stops each service by docker stop (SIGTERM); gateways one after another, without a failed request"""
    system = run.system
    with Harm(run, "gateways restarted one by one") as harm:
        for name in system.names("gateway"):
            with step(f"docker stop {name}, and start"):
                status = system.stop_one(name)
                check(status == 0,
                      f"{name} ended with {status}\n{run.engine.docker('logs', '--tail', '20', name).stdout}")
                run.engine.docker("start", name)
                system.wait_healthy("gateway")
    check(set(harm.outcomes()) <= {(200, ""), (201, "")},
          lambda: f"while gateways were restarted one by one: {told(harm.outcomes())}\n{system.logs('gateway', 20)}")
    with Harm(run, "every other service stopped and restarted") as harm:
        for service in (*COUPOND, *OTHERS):
            with step(f"docker stop {service}, and start"):
                for name in system.names(service):
                    status = system.stop_one(name)
                    check(status == 0 if service in COUPOND else status != KILLED, f"{name} ended with {status}")
                system.compose("start", service)
                system.wait_healthy(service)
        harm.wait_served()
    run.judge()


def kill_each(run):
    """kills each service by SIGKILL, all of its containers at once; the restart policy restarts them"""
    system = run.system
    with Harm(run, "every service killed") as harm:
        for service in ("gateway", *COUPOND, *OTHERS):
            with step(f"kill -9 {service}"):
                starts = started_at(system, service)
                system.kill(service)
                wait_until(lambda service=service, starts=starts: all(
                    after != before for after, before in zip(started_at(system, service), starts)),
                    60, f"{service} is restarted")
                system.wait_healthy(service)
        harm.wait_served()
    run.judge()


def started_at(system, service):
    return [container["State"]["StartedAt"] for container in system.states(service)]


def engine_restart(run):
    """stops and starts the engine: containers come back in any order; kills and starts it: docker-compose up restores
    them"""
    for how, what in ((signal.SIGTERM, "stopped"), (signal.SIGKILL, "killed")):
        with Harm(run, f"the engine {what} and started") as harm:
            with step(f"the engine is {what} and started"):
                run.engine.stop(how)
                run.engine.start("inside")
                if how == signal.SIGKILL:  # Docker 20.10 then stops running containers and does not restart them
                    run.system.up()
            with step("wait until every container is healthy"):
                run.system.wait_healthy()
            harm.wait_served()
        run.judge()


def journal_lost(run):
    """loses the journal's volume: the issuer refuses to decide, and continues after --rebuild-from-store"""
    system = run.system
    with Harm(run, "before the journal was lost"):
        pass
    system.wait_drained()
    with step("stop the issuer, and remove its volume"):
        system.compose("stop", "issuer")
        system.compose("rm", "--force", "issuer")
        run.engine.docker("volume", "rm", "coupond_journal")
    with step("an issuer with an empty journal and a full store"):
        system.compose("up", "-d", "--no-build", "--no-deps", "issuer")
        wait_until(lambda: "--rebuild-from-store" in system.logs("issuer", 200), 60,
                   lambda: f"the issuer refuses:\n{system.logs('issuer', 20)}")
    status, _, body = ask(API, "PUT", "/v1/coupons/NOON/issues/nobody-yet")
    check(status == 503, f"without its journal the issuer answers a request for an issue with {status} {body}")
    with step("docker-compose run issuer --rebuild-from-store"):
        system.compose("stop", "issuer")
        result = system.compose("run", "--rm", "-T", "issuer", "issuer", "--rebuild-from-store", "--config",
                                "/etc/coupond/issuer.conf", check=False)
    check(result.returncode == 0, f"--rebuild-from-store: exit status {result.returncode}\n{result.stdout[-3000:]}")
    with step("the issuer with the rebuilt journal"):
        system.compose("start", "issuer")
        system.wait_healthy("issuer")
    with Harm(run, "after the journal was rebuilt"):
        time.sleep(2)
    run.judge()
