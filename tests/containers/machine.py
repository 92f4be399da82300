"""deploy/systemd in a container with systemd instead of a machine: a stage of ./dev containers."""

import json
import re
import time

import images
from progress import check, step, wait_until
from system import REPOSITORY, ADMIN_TOKEN

NAME = "coupond-machine"
UNITS = ("coupond-issuer", "coupond-persister", "coupond-gateway@8080", "coupond-gateway@8081")
PASSWORD = "the database's password"
WATCHDOG_SECONDS = 30


class Machine:
    def __init__(self, engine):
        self.engine = engine

    def start(self):
        """systemd creates mounts and cgroups for each unit, which Docker's seccomp profile forbids."""
        self.engine.docker("run", "-d", "--name", NAME, "--network", "none", "--cap-add", "SYS_ADMIN", "--security-opt",
                           "seccomp=unconfined", "--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/run/lock",
                           "--tmpfs", "/tmp", images.SYSTEMD)
        wait_until(
            lambda: self.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded"),
            90,
            lambda: f"systemd is up: {self.run('systemctl list-jobs; systemctl --failed', check=False).stdout}"
            f"{self.engine.docker('logs', '--tail', '30', NAME, check=False).stdout}",
        )

    def run(self, script, check=True, stdin=None):
        more = ["-i"] if stdin is not None else []
        return self.engine.docker("exec", *more, "-w", "/root", NAME, "bash", "-euo", "pipefail", "-c", script,
                                  check=check, stdin=stdin)

    def put(self, source, target):
        self.engine.docker("cp", source, f"{NAME}:{target}")

    def show(self, unit, what):
        return self.run(f"systemctl show --value -p {what} {unit}").stdout.strip()

    def active(self, *units):
        return all(self.show(unit, "ActiveState") == "active" for unit in units or UNITS)

    def wait_active(self, *units):
        wait_until(lambda: self.active(*units), 60,
                   lambda: f"units are active:\n{self.run('systemctl --no-pager status coupond*', check=False).stdout}")

    def ask(self, method, path, body=None, port=8080):
        """(status, body)"""
        data = "-H 'Content-Type: application/json' --data-binary @-" if body else ""
        answer = self.run(f"curl -s -m 20 -w '\\n%{{http_code}}' -X {method} -H 'Authorization: Bearer "
                          f"{ADMIN_TOKEN}' {data} http://127.0.0.1:{port}{path}", check=False,
                          stdin=json.dumps(body) if body else "")
        text, _, status = answer.stdout.rpartition("\n")
        return int(status or 0), json.loads(text) if text.strip() else {}


def documented_steps():
    """The commands of deploy/README.md except the installation of the program."""
    section = (REPOSITORY / "deploy/README.md").read_text(encoding="utf-8").split("## systemd")[1]
    return "\n".join(line
                     for line in re.search(r"```sh\n(.*?)```", section, re.S)[1].splitlines()
                     if not line.startswith(("cmake ", "./dev ")))


def systemd(run):
    """installs deploy/systemd by the commands of deploy/README.md in a container with systemd, then stops and kills
    the services"""
    machine = Machine(run.engine)
    try:
        with step("a container with systemd"):
            machine.start()
        with step("install the units as documented"):
            install(run, machine)
        use(machine)
        wrong_configuration(machine)
        harm(machine)
        run.note("systemd: units installed as documented; issuer killed, persister hung until its watchdog, gateway "
                 "with an invalid configuration")
    finally:
        run.engine.docker("rm", "--force", "--volumes", NAME, check=False)


def install(run, machine):
    with run.engine.extracted(run.system.image(), "/usr/local/bin/coupond") as program:
        machine.put(program, "/usr/local/bin/coupond")
    machine.put(REPOSITORY / "deploy", "/root/deploy")
    machine.run("systemctl start mariadb")
    quoted = PASSWORD.replace("'", "''")
    machine.run(f"""mariadb -e "CREATE DATABASE coupond;
                    CREATE USER coupond@'localhost' IDENTIFIED BY '{quoted}';
                    GRANT ALL ON coupond.* TO coupond@'localhost'" """)
    machine.run(documented_steps(), stdin=PASSWORD)
    machine.wait_active()
    machine.run(f"echo '{ADMIN_TOKEN}' >/etc/coupond/admin_token && systemctl restart coupond-gateway@8080 "
                "coupond-gateway@8081")
    machine.wait_active()


def use(machine):
    created = machine.ask("POST", "/v1/coupons", {"id": "A", "title": "정오", "quantity": 100})
    check(created[0] == 201, f"a coupon is created: {created}")
    issued = machine.ask("POST", "/v1/coupons/A/issues", {"user_id": "alice"}, port=8081)
    check(issued[0] == 201 and issued[1]["sequence"] == 1, f"alice is issued: {issued}")
    open_to_others = machine.run("find /etc/coupond /run/coupond /var/lib/coupond -perm /o+rwx ! -type l").stdout
    check(not open_to_others, f"other users can read:\n{open_to_others}")


def harm(machine):
    machine.run("systemctl kill -s STOP coupond-persister")
    hung = time.monotonic()
    with step("kill -9 of the issuer"):
        machine.run("systemctl kill -s KILL coupond-issuer")
        wait_until(lambda: machine.ask("GET", "/v1/coupons/A/issues/alice")[0] == 200, 60, "the issuer is back")
    check(machine.show("coupond-issuer", "NRestarts") == "1", "systemd has not restarted the issuer")
    with step("systemctl restart of gateway and issuer"):
        machine.run("systemctl restart coupond-gateway@8080 coupond-issuer")
        again = wait_until(lambda: (answer := machine.ask("GET", "/v1/coupons/A/issues/alice"))[0] == 200 and answer,
                           60, "alice is told")
    check(again[1]["sequence"] == 1, f"alice gets another answer: {again}")
    with step("a hung persister, until its watchdog"):
        wait_until(lambda: machine.show("coupond-persister", "NRestarts") == "1", 3 * WATCHDOG_SECONDS + 60,
                   lambda: f"the watchdog ends it: {time.monotonic() - hung:.0f} "
                   f"s\n{machine.run('journalctl -n 20 -u coupond-persister').stdout}")
        machine.wait_active()
    verified = machine.run("runuser -u coupond -- coupond verify --config /etc/coupond/coupond.conf", check=False)
    check(verified.returncode == 0, f"verify: {verified.stdout}")


def wrong_configuration(machine):
    """A restart does not repair an invalid configuration. This runs before the restart of any other role, since all
    roles read the same file."""
    with step("an invalid configuration"):
        machine.run(
            "cp -a /etc/coupond/coupond.conf /root/sound && echo '    nonsense = 1' >>/etc/coupond/coupond.conf"
        )
        machine.run("systemctl restart coupond-gateway@8081", check=False)
        wait_until(lambda: machine.show("coupond-gateway@8081", "ActiveState") == "failed", 30,
                   "the gateway has failed")
        check(machine.show("coupond-gateway@8081", "ExecMainStatus") == "2", "its exit status is not 2")
        machine.run("cp -a /root/sound /etc/coupond/coupond.conf && systemctl restart coupond-gateway@8081")
        machine.wait_active("coupond-gateway@8081")
