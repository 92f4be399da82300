"""Facts about the program and its configurations, for the checks of all parts."""

import re
import subprocess
import tempfile
from pathlib import Path

import yaml

ROLES = ("gateway", "issuer", "persister")
PATHS = ("/livez", "/readyz", "/metrics")
SECRETS = "/etc/coupond/secrets/"
HEALTH_SECONDS = 10

# The ports that the images of others listen on.
OTHER_PORTS = {"mysql": {3306}, "redis": {6379}, "prometheus": {9090}, "alertmanager": {9093}, "grafana": {3000},
               "mysql-accounts": set(), "mysqld-exporter": {9104}, "redis-exporter": {9121}, "locust": {8089},
               "locust-worker": set()}


def yaml_documents(text):
    """By libyaml, which takes a tenth of the time of Python's own reader."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


class Facts:
    def __init__(self, root, program):
        self.root = Path(root)
        self.program = Path(program).resolve()
        self.findings = []
        self.options = self._read_options()
        self.version = re.search(r"project\(coupond VERSION ([\d.]+)", self.text("CMakeLists.txt"))[1]
        self.configs = {role: self.read_config(f"deploy/config/{role}.conf") for role in ROLES}

    def expect(self, condition, finding):
        if not condition:
            self.findings.append(finding)
        return bool(condition)

    # files

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8")

    def yaml(self, name):
        return yaml_documents(self.text(name))

    # the program

    def run(self, *arguments):
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, env={}, check=False)

    def _read_options(self):
        """{section/name: default}"""
        section, options = "", {}
        for line in self.run("--help-config").stdout.splitlines():
            if re.fullmatch(r"\w+", line):
                section = line
            elif found := re.fullmatch(r'    (\w+) = "?([^"]*)"?', line):
                options[f"{section}/{found[1]}"] = found[2]
        return options

    def knows_variable(self, name):
        section, _, option = name.removeprefix("COUPOND_").lower().partition("_")
        return f"{section}/{option}" in self.options

    def number(self, config, option):
        return int(config.get(option, self.options[option]))

    # configurations

    def read_config(self, name):
        """{section/name: value}"""
        section, values = "", {}
        for line in self.text(name).splitlines():
            if found := re.match(r"(\w+)\s*$", line):
                section = found[1]
            elif found := re.match(r'\s+(\w+) = "?([^"#]*?)"?\s*$', line):
                values[f"{section}/{found[1]}"] = found[2]
        return values

    def check_configs(self):
        for role in ROLES:
            self.check_config(role, f"deploy/config/{role}.conf")
            self.expect("cluster/secret_file" in self.configs[role],
                        f"deploy/config: {role}.conf has no cluster/secret_file")
        gateway, issuer, persister = (self.configs[role] for role in ROLES)
        self.expect(gateway.get("issuer/partitions") == issuer.get("issuer/partitions"),
                    "deploy/config: gateway.conf and issuer.conf differ in issuer/partitions")
        for config, ours, theirs in ((gateway, "gateway/requests", "issuer/requests"),
                                     (persister, "persister/events", "issuer/events"),
                                     (persister, "persister/acks", "issuer/acks")):
            wanted = f"tcp://issuer:{port_of(issuer.get(theirs, ''))}"
            self.expect(config.get(ours) == wanted,
                        f"deploy/config: {ours} is {config.get(ours)}, {theirs} asks for {wanted}")

    def check_config(self, role, name, secrets=SECRETS):
        """The program accepts the configuration, with the example secrets in place of the real ones."""
        text = self.text(name).replace(f'"{secrets}', f'"{self.root}/deploy/secrets.example/')
        with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as copy:
            copy.write(text)
            copy.flush()
            result = self.run(role, "--check-config", "--config", copy.name)
        self.expect(result.returncode == 0, f"{name}: {result.stderr.strip()}")

    def check_command(self, where, words, configs):
        """`words` are a role and its arguments; `configs` maps paths in the container to our files."""
        role, *rest = words
        if not self.expect(role in ROLES, f"{where}: {role} is no role"):
            return
        path = rest[1] if rest[:1] == ["--config"] and len(rest) == 2 else None
        if not self.expect(path, f"{where}: expected {role} --config FILE, found {' '.join(words)}"):
            return
        self.expect(path in configs, f"{where}: nothing is mounted at {path}")
        self.expect(configs.get(path, "").endswith(f"deploy/config/{role}.conf") or path not in configs,
                    f"{where}: {role} is given {configs.get(path)}")

    def check_health(self, where, words, role, configs):
        """`words`: coupond health ROLE --config FILE. Nothing answers here, so exit status 1 is right; 2 means a wrong
        command line."""
        if not self.expect(words[:3] == ["coupond", "health", role], f"{where}: {' '.join(words)} does not ask {role}"):
            return
        arguments = words[3:]
        if arguments[:1] == ["--config"]:
            self.expect(arguments[1] in configs, f"{where}: nothing is mounted at {arguments[1]}")
            arguments = arguments[2:]
        result = self.run("health", role, *arguments)
        self.expect(result.returncode in (0, 1), f"{where}: {' '.join(words)}: {result.stderr.strip()}")

    def check_secrets(self, where, role, given):
        """`given` are the paths at which a container finds its secrets."""
        for option, value in self.configs[role].items():
            if option.endswith("_file"):
                self.expect(value in given, f"{where}: nothing is mounted at {value}, which {option} names")

    # ports

    def ports(self, service):
        """The ports that a service listens on, from its own configuration."""
        if service == "haproxy":
            return {int(port)
                    for port in re.findall(r"^    presetenv \w+ \S+:(\d+)$", self.text("deploy/haproxy/haproxy.cfg"),
                                           re.M)}
        if service == "issuer":
            config = self.configs["issuer"]
            first = port_of(config.get("issuer/requests", ""))
            requests = range(first, first + self.number(config, "issuer/partitions"))
            return {*requests, *(port_of(config.get(f"issuer/{name}", "")) for name in ("events", "acks", "http"))}
        if service in ROLES:
            options = [f"{service}/http", *(["gateway/operator_http"] if service == "gateway" else [])]
            return {port_of(self.configs[service].get(option, "")) for option in options}
        return OTHER_PORTS.get(service, set())

    def check_addresses(self, where, text, services):
        """Every HOST:PORT that names one of the services has a port that this service listens on."""
        for host, port in re.findall(r"(?<![\w.-])([a-z][a-z-]*):(\d{2,5})\b", text):
            if host in services:
                self.expect(int(port) in self.ports(host), f"{where}: {host} does not listen on {port}")
            elif host not in ("localhost",):
                self.findings.append(f"{where}: there is no service {host} ({host}:{port})")

    # health

    def check_interval(self, where, interval):
        """Each health check is a process: every 2 s, those of all containers cost half a core."""
        self.expect(seconds(interval) >= HEALTH_SECONDS,
                    f"{where}: its health is checked every {interval}, not every {HEALTH_SECONDS}s")


def port_of(address):
    found = re.search(r":(\d+)$", address)
    return int(found[1]) if found else 0


def seconds(text):
    """Seconds of a duration of Compose or systemd: 30, 30s, 1m."""
    found = re.fullmatch(r"(\d+)(s|m|)", str(text))
    return int(found[1]) * (60 if found[2] == "m" else 1)
