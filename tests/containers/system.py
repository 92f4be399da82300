"""The containers of docker-compose.yml in an Engine, with private secrets: starting, inspecting, stopping, killing and
removing them."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from engine import tool
from images import REPOSITORY
from progress import check, step, wait_until

PROJECT = "coupond"
LABEL = "com.docker.compose"
ONCE = {"mysql-accounts"}  # runs once, and exits with 0
GATEWAYS = 3
HEALTHY_SECONDS = 300
RESTARTS_MAX = 8
API, PROMETHEUS, GRAFANA = ("127.0.0.1", 8000), ("127.0.0.1", 9090), ("127.0.0.1", 3000)
ADMIN_TOKEN = "a-token-of-our-own"


def ask(address, method, path, body=None, headers=None, timeout=30):
    """(status, headers, body) of one request; the body is parsed if it is JSON."""
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text,
                           {**({"Content-Type": "application/json"} if text else {}), **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        try:
            content = json.loads(content)
        except ValueError:
            content = content.decode(errors="replace")
        return answer.status, answer.headers, content
    finally:
        connection.close()


class System:
    def __init__(self, engine, folder):
        self.engine = engine
        self.secrets = folder / "secrets"

    # --- secrets

    def make_secrets(self):
        """Creates the secrets by the commands of deploy/README.md, without --mend."""
        shutil.rmtree(self.secrets, ignore_errors=True)
        umask = os.umask(0o077)
        try:
            shutil.copytree(REPOSITORY / "deploy/secrets.example", self.secrets, copy_function=shutil.copyfile)
            self.write_passwords("first")
            self.write_secret("admin_token", ADMIN_TOKEN)
            self.write_secret("grafana_password", "a password of our own")
            (self.secrets / "cluster_secret").unlink()
        finally:
            os.umask(umask)
        self.engine.docker("run", "--rm", "--user", "0", "-v", f"{self.secrets}:/secrets", self.image(), "keygen",
                           "/secrets/cluster_secret")

    def write_passwords(self, which):
        self.write_secret("db_password", f"{which}'s pass\\word")
        self.write_secret("exporter.cnf", f"[client]\nuser=exporter\npassword={which}-exporter-password")
        if not self.project_has("mysql"):
            self.write_secret("db_root_password", "a password for root")

    def write_secret(self, name, text):
        """Writes in place: a mounted file follows the host's file only while the inode is the same."""
        with open(self.secrets / name, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def compose_check(self, *arguments):
        return subprocess.run([sys.executable, "deploy/preflight.py", "--secrets", self.secrets, *arguments],
                              cwd=REPOSITORY, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    # --- Compose

    def compose(self, *arguments, check=True):
        command = [tool("docker-compose"), "--project-name", PROJECT, "--project-directory", REPOSITORY, "--file",
                   REPOSITORY / "docker-compose.yml"]
        return self.engine.run([*map(str, command), *map(str, arguments)], check, timeout=600,
                               environment={"COUPOND_SECRETS": str(self.secrets), "COMPOSE_HTTP_TIMEOUT": "300"})

    def image(self):
        return self.compose_file()["services"]["gateway"]["image"]

    @staticmethod
    def compose_file():
        import yaml
        return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))

    def services(self):
        return [name for name, service in self.compose_file()["services"].items() if "profiles" not in service]

    def up(self, *services):
        self.compose("up", "-d", "--no-build", "--scale", f"gateway={GATEWAYS}", *services)

    def down(self):
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")

    # --- containers

    def project_has(self, service):
        return bool(self.names(service))

    def names(self, service=None):
        more = ["--filter", f"label={LABEL}.service={service}"] if service else []
        listing = self.engine.docker("ps", "-a", "--format", "{{.Names}}", "--filter",
                                     f"label={LABEL}.project={PROJECT}", "--filter", f"label={LABEL}.oneoff=False",
                                     *more)
        return sorted(listing.stdout.split())

    def states(self, service=None):
        return self.engine.inspect(*self.names(service))

    def passes(self, container):
        """Runs the health check that the engine would run after its interval."""
        test = container["Config"]["Healthcheck"]["Test"]
        command = test[1:] if test[0] == "CMD" else ["sh", "-c", test[1]]
        return self.engine.docker("exec", container["Id"], *command, check=False).returncode == 0

    def unwell(self, services=None, impatient=False):
        """A line for each container that is not healthy; with `impatient`, health checks that the engine has not run
        yet are run now."""
        found = []
        for container in self.states():
            service = container["Config"]["Labels"][f"{LABEL}.service"]
            if services and service not in services:
                continue
            state = container["State"]
            health = state.get("Health", {}).get("Status")
            if service in ONCE:
                well = state["Status"] == "exited" and state["ExitCode"] == 0
            else:
                well = state["Status"] == "running" and (health in (None, "healthy")
                                                         or (impatient and self.passes(container)))
            if not well:
                found.append(f"{container['Name'][1:]}: {state['Status']} {health or ''} exit {state['ExitCode']} "
                             f"restarts {container['RestartCount']}")
        return found

    def wait_healthy(self, *services, impatient=True):
        """Waits until all containers of these services, or of all services, are healthy."""
        def healthy():
            looping = [name
                       for container in self.states()
                       if (name := container["Name"][1:]) and container["RestartCount"] > RESTARTS_MAX]
            check(not looping, lambda: "restarting again and again: " + "; ".join(self.trouble(services)))
            return not self.unwell(services, impatient)
        wait_until(healthy, HEALTHY_SECONDS,
                   lambda: "all containers are healthy; but " + "; ".join(self.trouble(services)))

    def trouble(self, services=None):
        found = []
        for line in self.unwell(services):
            name = line.split(":", 1)[0]
            found.append(f"{line}\n{self.engine.docker('logs', '--tail', '8', name, check=False).stdout}")
        return found

    def logs(self, service, lines="all"):
        return "".join(self.engine.docker("logs", "--tail", lines, name).stdout for name in self.names(service))

    def address(self, name, port, network="back"):
        found = self.engine.inspect(name)[0]["NetworkSettings"]["Networks"][f"{PROJECT}_{network}"]["IPAddress"]
        return found, port

    # --- faults

    def kill(self, service):
        """Sends SIGKILL to the first process of each container of a service; the restart policy restarts it."""
        for container in self.states(service):
            if pid := container["State"]["Pid"]:
                os.kill(pid, signal.SIGKILL)

    def stop_one(self, name):
        """docker stop, with the image's signal and Compose's grace period; returns the exit status."""
        self.engine.docker("stop", name)
        return self.engine.inspect(name)[0]["State"]["ExitCode"]

    # --- metrics and state

    def metric(self, service, port, name):
        """The sum of a metric over all containers of a service."""
        total = 0.0
        for container in self.names(service):
            _, _, text = ask(self.address(container, port), "GET", "/metrics")
            values = [float(line.rsplit(" ", 1)[1])
                      for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
            check(values, f"{container} exports no {name}")
            total += sum(values)
        return total

    def wait_connected(self):
        """Waits until every gateway reaches the issuer: after a restart they reconnect one after another."""
        def connected():
            try:
                return self.metric("gateway", 8090, "coupond_gateway_partitions_connected") == GATEWAYS
            except OSError:
                return False
        wait_until(connected, 60, "every gateway reaches the issuer")

    def wait_drained(self):
        """Waits until the store has every issue."""
        def drained():
            try:
                return self.metric("issuer", 9101, "coupond_issuer_persist_lag_rows") == 0
            except OSError:
                return False
        with step("wait until the store has everything"):
            wait_until(drained, 120, "persist_lag_rows is 0")

    def prometheus(self, path):
        status, _, body = ask(PROMETHEUS, "GET", f"/api/v1/{path}")
        check(status == 200, f"Prometheus answers {status} to {path}: {body}")
        return body["data"]

    def firing(self):
        return {alert["labels"]["alertname"]
                for alert in self.prometheus("alerts")["alerts"] if alert["state"] == "firing"}

    def down_targets(self):
        """The targets that Prometheus cannot scrape, and the number of all targets."""
        targets = self.prometheus("targets")["activeTargets"]
        return [f"{target['scrapeUrl']}: {target['lastError']}"
                for target in targets if target["health"] != "up"], len(targets)


def remaining_seconds(since, seconds):
    return max(0.0, since + seconds - time.monotonic())
