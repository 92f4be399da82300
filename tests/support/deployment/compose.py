"""Checks docker-compose.yml and the files that it mounts: the configurations of HAProxy and Prometheus."""

import re
import shutil
import subprocess

from .facts import ROLES, seconds

NAME = "docker-compose.yml"
PUBLISHED = {"haproxy", "prometheus", "grafana", "locust"}
# Images of others that may write anywhere: MySQL's sets itself up in several places.
WRITABLE = {"mysql"}


def check(facts):
    compose = facts.yaml(NAME)[0]
    services = compose["services"]
    for name, service in services.items():
        check_service(facts, compose, name, service)
    for role in ROLES:
        if facts.expect(role in services, f"{NAME}: {role} is missing"):
            check_role(facts, role, services[role])
    for secret, where in compose["secrets"].items():
        path = re.sub(r"\$\{COUPOND_SECRETS:-([^}]+)\}", r"\1", where["file"])
        facts.expect((facts.root / path).is_file(), f"{NAME}: secret {secret}: there is no {path}")
    check_own_secrets(facts)
    check_mysql(facts, services["mysql"])
    check_exporter(facts, services["mysqld-exporter"])
    check_haproxy(facts, services)
    check_prometheus(facts, services)
    check_grafana(facts, services)


def check_with_tools(facts):
    check_accepted(facts)
    check_haproxy_accepts(facts)


def check_service(facts, compose, name, service):
    where = f"{NAME}: {name}"
    tag = service["image"].rpartition(":")[2] if ":" in service["image"] else ""
    facts.expect(re.match(r"v?\d", tag), f"{where}: the image {service['image']} names no version")
    facts.expect("restart" in service and "mem_limit" in service, f"{where}: restart and mem_limit are wanted")
    facts.expect(service.get("read_only") or name in WRITABLE, f"{where}: its root can be written to")
    for other in service.get("depends_on", []):
        facts.expect(other in compose["services"], f"{where} depends on {other}, which is no service")
    for network in service.get("networks", []):
        facts.expect(network in compose["networks"], f"{where}: there is no network {network}")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            facts.expect((facts.root / source).exists(), f"{where}: there is no {source} to mount")
        else:
            facts.expect(source in compose["volumes"], f"{where}: the volume {source} is not declared")
    for secret in service.get("secrets", []):
        source = secret if isinstance(secret, str) else secret["source"]
        facts.expect(source in compose["secrets"], f"{where}: the secret {source} is not declared")
    if "healthcheck" in service:
        facts.check_interval(where, service["healthcheck"].get("interval", "30s"))
    for published in service.get("ports", []):
        host, _, port = published.rpartition(":")
        facts.expect(host.startswith("127.0.0.1:") and name in PUBLISHED, f"{where}: {published} is open to others")
        facts.expect(int(port) in facts.ports(name), f"{where} does not listen on {port}, which it publishes")
    check_words(facts, where, compose["services"], name, service)


def check_words(facts, where, services, name, service):
    """Checks the addresses and files that commands, health checks and variables name."""
    words = [*map(str, service.get("command", [])), *map(str, service.get("healthcheck", {}).get("test", []))]
    facts.expect("latest" not in service["image"], f"{where}: the image is any that is latest")
    facts.check_addresses(where, " ".join(words), services)
    for port in re.findall(r"127\.0\.0\.1:(\d+)", " ".join(words)):
        facts.expect(int(port) in facts.ports(name),
                     f"{where} does not listen on {port}, where its health is asked for")
    mounts = [target for target, _ in mounted(service)] + secret_paths(service)
    for word in words:
        for path in re.findall(r"(?:^|=)(/(?:etc|run|usr/local/etc|load-test)/[^\s]+)", word):
            facts.expect(any(path == mount or path.startswith(mount + "/") for mount in mounts),
                         f"{where}: nothing is mounted at {path}")
            for target, source in mounted(service):
                if path.startswith(target + "/"):
                    inside = f"{source}/{path.removeprefix(target + '/')}"
                    facts.expect((facts.root / inside).exists(), f"{where}: there is no {inside}")
    for variable, value in service.get("environment", {}).items():
        ours = variable.startswith("COUPOND_") and not variable.startswith("COUPOND_LOAD_")
        facts.expect(not ours or facts.knows_variable(variable), f"{where}: {variable} is no option")
        if str(value).startswith("/run/secrets/"):
            facts.expect(value in mounts, f"{where}: {variable}: the secret {value} is not given")


def mounted(service):
    """(path in the container, our file) of each bind mount."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return [(target, source.removeprefix("./")) for source, target, *_ in parts if source.startswith(".")]


def secret_paths(service):
    return [f"/run/secrets/{secret}" if isinstance(secret, str) else secret["target"]
            for secret in service.get("secrets", [])]


def check_role(facts, role, service):
    where = f"{NAME}: {role}"
    configs = dict(mounted(service))
    facts.expect(service["image"] == f"coupond:{facts.version}",
                 f"{where}: the image is {service['image']}, the program is {facts.version}")
    facts.expect(service["command"][0] == role, f"{where} runs {service['command'][0]}")
    facts.check_command(where, service["command"], configs)
    facts.check_secrets(where, role, secret_paths(service))
    facts.check_health(where, service["healthcheck"]["test"][1:], role, configs)
    drain = (facts.number(facts.configs["gateway"], "gateway/drain_timeout_ms")
             + int(facts.configs["gateway"].get("gateway/drain_delay_ms", 0))) / 1000
    facts.expect(seconds(service["stop_grace_period"]) > drain, f"{where}: stop_grace_period is shorter than draining")
    facts.check_addresses(f"deploy/config/{role}.conf", " ".join(facts.configs[role].values()).replace("://", " "),
                          {"issuer", "mysql", "redis", "gateway", "persister"})


def check_own_secrets(facts):
    """The folder that the documents recommend for one's own secrets must get into neither an image nor a commit."""
    folder = re.search(r"cp -r deploy/secrets.example ([\w./-]+)", facts.text("deploy/README.md"))[1]
    for name in (".dockerignore", ".gitignore"):
        facts.expect({folder, f"/{folder}/"} & set(facts.text(name).split()),
                     f"{name} does not keep {folder} out, where deploy/README.md puts secrets")


def check_mysql(facts, service):
    """MySQL's image puts passwords into SQL unescaped, once, while the volume is new: a quote in one would leave a
    half-made database for good."""
    for variable in service["environment"]:
        facts.expect(variable == "MYSQL_ROOT_PASSWORD_FILE",
                     f"{NAME}: mysql: {variable} is mysql-accounts' work, which can be repeated")


def check_exporter(facts, service):
    """MySQL 8.4 no longer has SHOW SLAVE STATUS, and one failed query makes the exporter report an error."""
    facts.expect("--no-collect.slave_status" in service["command"],
                 f"{NAME}: mysqld-exporter asks for SHOW SLAVE STATUS")


def check_haproxy(facts, services):
    gateways = facts.text("deploy/haproxy/gateways.docker.cfg")
    facts.check_addresses("deploy/haproxy/gateways.docker.cfg", re.search(r"^    server-template.*", gateways, re.M)[0],
                          services)
    health = re.search(r"option httpchk GET (\S+)", facts.text("deploy/haproxy/haproxy.cfg"))
    facts.expect(health and health[1] == "/readyz", "deploy/haproxy/haproxy.cfg: gateways are not asked for /readyz")


def check_haproxy_accepts(facts):
    folder = facts.root / "deploy/haproxy"
    if program := which("haproxy"):
        files = [word for name in ("haproxy.cfg", "gateways.docker.cfg") for word in ("-f", str(folder / name))]
        result = subprocess.run([program, "-c", *files], capture_output=True, text=True, check=False)
        facts.expect(result.returncode == 0, f"deploy/haproxy: {result.stderr.strip()}")


def check_prometheus(facts, services):
    """Every target is a service and its port, and every member of the system is a target."""
    name = next(source for target, source in mounted(services["prometheus"]) if target.endswith("prometheus.yml"))
    if not facts.expect((facts.root / name).exists(), f"{NAME}: prometheus: there is no {name}"):
        return
    config, found = facts.yaml(name)[0], set()
    for job in config["scrape_configs"]:
        for discovery in job.get("dns_sd_configs", []):
            for host in discovery["names"]:
                facts.check_addresses(name, f"{host}:{discovery['port']}", services)
                found.add(host)
        for group in job.get("static_configs", []):
            facts.check_addresses(name, " ".join(group["targets"]), services)
            found |= {target.split(":")[0] for target in group["targets"]}
    for group in config["alerting"]["alertmanagers"]:
        facts.check_addresses(name, " ".join(target for one in group["static_configs"] for target in one["targets"]),
                              services)
    missing = {*ROLES, "haproxy", "mysqld-exporter", "redis-exporter"} - found
    facts.expect(not missing, f"{name}: not scraped: {', '.join(sorted(missing))}")


def check_grafana(facts, services):
    """The variables and the folder of dashboards that the provisioning needs."""
    service = services["grafana"]
    folder = next(source for target, source in mounted(service) if target == "/etc/grafana/provisioning")
    for path in sorted((facts.root / folder).rglob("*.yml")):
        text = "\n".join(line.split("#")[0] for line in path.read_text(encoding="utf-8").splitlines())
        for variable in re.findall(r"\$\{?(\w+)", text):
            facts.expect(variable in service["environment"], f"{NAME}: grafana: {path.name} wants {variable}")
        for dashboards in re.findall(r"^\s*path: (\S+)", text, re.M):
            facts.expect(dashboards in dict(mounted(service)), f"{NAME}: grafana: nothing is mounted at {dashboards}")
    facts.check_addresses(f"{NAME}: grafana", " ".join(map(str, service["environment"].values())).replace("://", " "),
                          services)


def check_accepted(facts):
    """docker-compose itself accepts the file, without and with each profile."""
    program = which("docker-compose")
    for profile in ([], ["--profile", "load-test"]) if program else []:
        result = subprocess.run([program, "-f", str(facts.root / NAME), *profile, "config", "-q"], capture_output=True,
                                text=True, check=False)
        facts.expect(result.returncode == 0, f"{NAME}: docker-compose {' '.join(profile)}: {result.stderr.strip()}")


def which(program):
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
