"""The stages of ./dev containers; each takes the Run and raises CheckFailed when a check fails."""

import time

import alarms
import answers
import faults
import machine
from progress import CheckFailed, check, elapsed, say, step, wait_until
from system import API, ADMIN_TOKEN, GATEWAYS, GRAFANA, REPOSITORY, ask

COUPON = "NOON"
QUANTITY = 1_000_000
QUIET_SECONDS = 120  # the longest range of an alert plus the longest `for`


class Run:
    """The state that the stages share."""

    def __init__(self, engine, system):
        self.engine, self.system = engine, system
        self.crowd = answers.Crowd(API, COUPON)
        self.fired = set()
        self.notes = []

    def note(self, text):
        self.notes.append(text)
        say(f"    {text}")

    def judge(self):
        answers.judge(API, self.crowd.issues)


# --- up


def secrets(run):
    """creates private secrets with mode 0600, by the commands of deploy/README.md"""
    system = run.system
    system.make_secrets()
    before = system.compose_check()
    check(before.returncode == 1 and "cannot read" in before.stdout,
          f"compose-check accepts secrets that belong to root:\n{before.stdout}")
    mended = system.compose_check("--mend")
    check(mended.returncode == 0, f"compose-check --mend: {mended.stdout}")
    modes = {path.name: f"{path.stat().st_uid}:{path.stat().st_mode & 0o777:04o}" for path in system.secrets.iterdir()}
    check(all(mode.endswith(":0600") for mode in modes.values()), f"modes of secrets: {modes}")


def up(run):
    """runs docker-compose up with the repository's files, until all containers are healthy"""
    system = run.system
    begun = time.monotonic()
    with step(f"docker-compose up --scale gateway={GATEWAYS}"):
        system.up()
    with step("wait until every container is healthy"):
        system.wait_healthy(impatient=False)
    run.note(f"{len(system.names())} containers of {len(system.services())} services healthy after "
             f"{time.monotonic() - begun:.0f} s")
    restarted = {container["Name"][1:]: container["RestartCount"]
                 for container in system.states() if container["RestartCount"]}
    check(not restarted, f"started more than once: {restarted}")
    wait_for_targets(run)
    provisioned(run)


def wait_for_targets(run):
    def all_up():
        down, number = run.system.down_targets()
        return not down and number == GATEWAYS + 6  # issuer, two persisters, haproxy, mysqld, redis
    wait_until(all_up, 60, lambda: f"Prometheus scrapes everything: {run.system.down_targets()}")
    faulty = [rule["name"] for group in run.system.prometheus("rules")["groups"]
              for rule in group["rules"] if rule["health"] != "ok"]
    check(not faulty, f"rules that Prometheus cannot evaluate: {faulty}")


def provisioned(run):
    status, _, _ = ask(GRAFANA, "GET", "/api/health")
    check(status == 200, f"the stand-in for Grafana answers {status}")
    log = run.system.logs("grafana")
    dashboards = len(list((REPOSITORY / "monitoring/grafana/dashboards").glob("*.json")))
    check(log.count("dashboard ") == dashboards and "provisioning" in log and "password of" in log,
          f"Grafana could not have read everything:\n{log}")


def first_requests(run):
    """uses the API through HAProxy: token, coupon, issue, duplicate, and paths that are not published"""
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    coupon = {"id": COUPON, "title": "정오의 커피 ☕", "quantity": QUANTITY}
    expect(401, "POST", "/v1/coupons", coupon)
    expect(201, "POST", "/v1/coupons", coupon, admin)
    first = expect(201, "POST", f"/v1/coupons/{COUPON}/issues", {"user_id": "alice"})
    expect(409, "POST", f"/v1/coupons/{COUPON}/issues", {"user_id": "alice"})
    again = expect(200, "GET", f"/v1/coupons/{COUPON}/issues/alice")
    check(first == again, f"alice got {first}, then {again}")
    expect(404, "GET", "/metrics")
    run.crowd.issues.append(answers.Issue(COUPON, "alice", first["sequence"]))
    run.system.wait_drained()
    title = run.engine.docker("exec", run.system.names("mysql")[0], "bash", "-c",
                              'MYSQL_PWD=$(cat /run/secrets/db_root_password) mysql -uroot '
                              '--default-character-set=utf8mb4 -N '
                              f"-e \"SELECT title FROM coupond.coupon WHERE id = '{COUPON}'\"").stdout.strip()
    check(title == coupon["title"], f"MySQL has the title {title!r}")
    verify(run)
    quiet(run)


def expect(status, method, path, body=None, headers=None):
    got, _, content = ask(API, method, path, body, headers)
    check(got == status, f"{method} {path} is answered {got}, not {status}: {content}")
    return content


def quiet(run):
    """No alert fires on a healthy system. An alert about a slow start on a busy machine has to resolve by itself."""
    system = run.system
    if early := system.firing():
        run.note(f"alerts about the start: {', '.join(sorted(early))}")
    with step("wait until no alert fires"):
        wait_until(lambda: not system.firing(), QUIET_SECONDS,
                   lambda: f"alerts fire on a healthy system: {sorted(system.firing())}")


def verify(run):
    with step("docker-compose run --rm issuer verify"):
        result = run.system.compose("run", "--rm", "-T", "issuer", "verify", "--config", "/etc/coupond/issuer.conf",
                                    check=False)
    check(result.returncode == 0, f"verify: exit status {result.returncode}\n{result.stdout[-2000:]}")


def kept(run):
    """requests every answer again that a client has read; coupond verify finds every promise kept"""
    run.system.wait_drained()
    run.judge()
    verify(run)


ALL = [secrets, up, first_requests, faults.new_passwords, faults.sigterm, faults.kill_each, faults.engine_restart,
       alarms.alerts, faults.journal_lost, kept, machine.systemd]
NEEDED = 3


def chosen(names):
    if not names:
        return ALL
    by_name = {stage.__name__: stage for stage in ALL}
    if unknown := [name for name in names.split(",") if name not in by_name]:
        raise CheckFailed(f"no stage {', '.join(unknown)}; there are {', '.join(by_name)}")
    wanted = [by_name[name] for name in names.split(",")]
    return ALL[:NEEDED] + [stage for stage in wanted if stage not in ALL[:NEEDED]]


# --- the end


def summary_of(stage):
    return " ".join(stage.__doc__.split())


def summary(run, stages, standins):
    lines = ["", f"./dev containers: {len(stages)} stages passed in {elapsed():.0f} s", ""]
    lines += [f"  {stage.__name__.replace('_', ' '):<24} {summary_of(stage)}" for stage in stages]
    lines += ["", *(f"  {note}" for note in run.notes)]
    if run.crowd.outcomes:
        lines += ["", f"  answers to clients: {answers.told(run.crowd.outcomes)}",
                  f"  issues read and requested again: {len(run.crowd.issues)}"]
    if run.fired:
        lines += [f"  alerts that fired as required: {', '.join(sorted(run.fired))}"]
    version = run.engine.docker("version", "-f", "{{.Server.Version}}").stdout.strip()
    lines += ["",
              f"  real: Docker {version}, docker-compose, the Dockerfile and its image, docker-compose.yml with all "
              "its mounts,",
              "        deploy/, monitoring/, private secrets of mode 0600, bridge networks, DNS, seccomp, limits",
              "  stand-ins: debian:bookworm-slim by debootstrap from the package mirror, and"]
    lines += [f"    {image:<34} {what}" for image, what in standins.items()]
    return "\n".join(lines)
