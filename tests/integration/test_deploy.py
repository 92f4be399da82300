"""The deployment files match the program and each other; and the check detects mismatches."""

import os
import re
import shutil

import pytest
from cluster import REPOSITORY, binary, run_coupond
from deployment import findings

pytestmark = pytest.mark.once("does not depend on the build")

SHIPPED = [".dockerignore", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "packages.txt", "Dockerfile",
           "docker-compose.yml", "deploy", "monitoring", "web", "load-test/locust"]


def test_the_deployment_files_match():
    assert findings(REPOSITORY, binary()) == []


def test_idle_timeouts_are_ordered_from_the_balancer_to_the_gateway():
    """A balancer's 60 s, HAProxy's and the gateway's: each is at least as long as the one in front of it."""
    option = re.search(r"^# *idle_timeout_ms = (\d+)|^ *idle_timeout_ms = (\d+)", run_coupond("--help-config").stdout,
                       re.M)
    gateway_ms = int(option[1] or option[2])
    haproxy = (REPOSITORY / "deploy/haproxy/haproxy.cfg").read_text(encoding="utf-8")
    for name in ("client", "http-keep-alive"):
        assert 60 < int(re.search(rf"^ *timeout {name} (\d+)s$", haproxy, re.M)[1]) <= gateway_ms / 1000
    advised = (REPOSITORY / "deploy/README.md").read_text(encoding="utf-8")
    assert f"({gateway_ms // 1000} s by default)" in advised
    assert int(re.search(r"600 s, fixed \| `gateway/idle_timeout_ms = (\d+)`", advised)[1]) > 600_000


@pytest.fixture(name="copy", scope="module")
def copied(tmp_path_factory):
    """The findings for a copy of the deployment files with one text replaced."""
    root = tmp_path_factory.mktemp("shipped")
    for name in SHIPPED:
        source, target = REPOSITORY / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def find(name, sound, broken, tools):
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert sound in text, f"{name} does not hold {sound!r}"
        path.write_text(text.replace(sound, broken), encoding="utf-8")
        try:
            return findings(root, binary(), tools)
        finally:
            path.write_text(text, encoding="utf-8")

    return find


PLANTED = [
    # file, original text, replacement, finding
    ("deploy/config/issuer.conf", "journal_dir", "journal_folder", "issuer: unknown option"),
    ("deploy/config/issuer.conf", "0.0.0.0:7200", "0.0.0.0:7201",
     "persister/events is tcp://issuer:7200, issuer/events asks for tcp://issuer:7201"),
    ("deploy/config/gateway.conf", "partitions = 1", "partitions = 2", "differ in issuer/partitions"),
    ("deploy/config/gateway.conf", "redis:6379", "redis:6380", "redis does not listen on 6380"),
    ("deploy/config/persister.conf", 'host = "mysql"', 'host = "mysql"\n    port = 99999', "out of bounds"),
    ("deploy/config/gateway.conf", '    secret_file = "/etc/coupond/secrets/cluster_secret"\n', "",
     "gateway.conf has no cluster/secret_file"),
    ("deploy/config/issuer.conf", '    secret_file = "/etc/coupond/secrets/cluster_secret"\n', "",
     "issuer.conf has no cluster/secret_file"),
    ("deploy/config/persister.conf", '    secret_file = "/etc/coupond/secrets/cluster_secret"\n', "",
     "persister.conf has no cluster/secret_file"),
    ("docker-compose.yml", "interval: 10s", "interval: 2s", "gateway: its health is checked every 2s"),
    ("docker-compose.yml", ", --no-collect.slave_status]", "]", "mysqld-exporter asks for SHOW SLAVE STATUS"),
    ("docker-compose.yml", "mysql:8.4", "mysql:latest", "names no version"),
    ("docker-compose.yml", "coupond:0.1.0", "coupond:9.9.9", "the image is coupond:9.9.9"),
    ("docker-compose.yml", "command: [persister, ", "command: [persistor, ", "persistor is no role"),
    ("docker-compose.yml", "/etc/coupond/gateway.conf:ro", "/etc/coupond/gate.conf:ro",
     "nothing is mounted at /etc/coupond/gateway.conf"),
    ("docker-compose.yml", "./deploy/config/issuer.conf", "./deploy/config/isuer.conf",
     "there is no ./deploy/config/isuer.conf to mount"),
    ("docker-compose.yml", "health, issuer,", "health, gateway,", "does not ask issuer"),
    ("docker-compose.yml", "127.0.0.1:8000:8000", "8000:8000", "is open to others"),
    ("docker-compose.yml", "127.0.0.1:9090:9090", "127.0.0.1:9090:9091", "prometheus does not listen on 9091"),
    ("docker-compose.yml", "--mysqld.address=mysql:3306", "--mysqld.address=mariadb:3306",
     "there is no service mariadb"),
    ("docker-compose.yml", "target: /etc/coupond/secrets/admin_token", "target: /run/secrets/admin_token",
     "which gateway/admin_token_file names"),
    ("docker-compose.yml", "{MYSQL_ROOT_PASSWORD_FILE:",
     "{MYSQL_PASSWORD_FILE: /run/secrets/db_password, MYSQL_ROOT_PASSWORD_FILE:", "mysql: MYSQL_PASSWORD_FILE is"),
    (".dockerignore", "\nsecrets\n", "\n", ".dockerignore does not keep secrets out"),
    (".gitignore", "/secrets/\n", "", ".gitignore does not keep secrets out"),
    ("docker-compose.yml", "stop_grace_period: 30s", "stop_grace_period: 5s", "shorter than draining"),
    ("docker-compose.yml", "  journal: {}", "  diary: {}", "the volume journal is not declared"),
    ("docker-compose.yml", "GF_SECURITY_ADMIN_PASSWORD__FILE:", "COUPOND_GATEWAY_HTPP:",
     "COUPOND_GATEWAY_HTPP is no option"),
    ("docker-compose.yml", "/var/lib/grafana/dashboards:ro", "/etc/grafana/dashboards:ro",
     "nothing is mounted at /var/lib/grafana/dashboards"),
    ("docker-compose.yml", "PROMETHEUS_URL: ", "PROMETHEUS: ", "wants PROMETHEUS_URL"),
    ("docker-compose.yml", "http://prometheus:9090", "http://prometheus:9091", "prometheus does not listen on 9091"),
    ("docker-compose.yml", "/load-test/locust/locustfile.py", "/load-test/locust/locust-file.py", "locust-file.py"),
    ("deploy/haproxy/gateways.docker.cfg", "gateway:8080", "gateway:8081", "gateway does not listen on 8081"),
    ("deploy/haproxy/haproxy.cfg", "0.0.0.0:8000", "0.0.0.0:8001", "haproxy does not listen on 8000"),
    ("monitoring/prometheus.compose.yml", "port: 9102", "port: 9103", "persister does not listen on 9103"),
    ("monitoring/prometheus.compose.yml", "redis-exporter:9121", "mysqld-exporter:9104", "not scraped: redis-exporter"),
    ("Dockerfile", "        libuv1 \\\n", "", "the program needs libuv1"),
    ("Dockerfile", "        libuv1 \\\n", "        libuv1 \\\n        libevent-2.1-7 \\\n",
     "nothing needs libevent-2.1-7"),
    ("Dockerfile", "STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "STOPSIGNAL is SIGKILL"),
    ("Dockerfile", "USER 10001:10001", "USER root", "USER is no number"),
    ("Dockerfile", "--preset release", "--preset relase", "there is no preset relase"),
    ("Dockerfile", '"dev", "--dir"', '"dev", "--folder"', "unknown option --folder"),
    ("Dockerfile", '"health", "gateway"', '"helth", "gateway"', "does not ask gateway"),
    ("Dockerfile", "--interval=10s", "--interval=2s", "Dockerfile: its health is checked every 2s"),
    ("Dockerfile", "EXPOSE 8080", "EXPOSE 8000", "EXPOSE 8000"),
    ("deploy/k8s/base/gateway.yaml", "containerPort: 8080", "containerPort: 8000", "it listens on [8080, 8090]"),
    ("deploy/k8s/base/gateway.yaml", 'prometheus.io/port: "8090"', 'prometheus.io/port: "8080"',
     "the metrics are not on 8080"),
    ("deploy/k8s/base/gateway.yaml", "path: /readyz", "path: /ready", "readinessProbe asks /ready"),
    ("deploy/k8s/base/gateway.yaml", "kind: Deployment, name: gateway", "kind: Deployment, name: gate",
     "there is no gate"),
    ("deploy/k8s/base/gateway.yaml", "targetPort: http", "targetPort: web", "there is no port web"),
    ("deploy/k8s/base/gateway.yaml", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 10",
     "shorter than draining"),
    ("deploy/k8s/base/issuer.yaml", "replicas: 1", "replicas: 2", "one issuer only"),
    ("deploy/k8s/base/issuer.yaml", "mountPath: /var/lib/coupond", "mountPath: /var/lib/coupon",
     "nothing keeps /var/lib/coupond/journal"),
    ("deploy/k8s/base/issuer.yaml", "key: db_password", "key: password", "makes no secret password"),
    ("deploy/k8s/base/persister.yaml", "args: [persister,", "args: [gateway,",
     "gateway is given deploy/config/persister.conf"),
    ("deploy/k8s/base/persister.yaml", "runAsUser: 10001", "runAsUser: 1000", "the image's user is 10001"),
    ("deploy/k8s/base/network.yaml", "[{port: 7200}, {port: 7300}]", "[{port: 7200}]", "nobody reaches [7300]"),
    ("deploy/k8s/base/network.yaml", "    - ports: [{port: 3306}]\n", "", "it needs [53, 3306]"),
    ("deploy/k8s/base/gateway.yaml", "timeoutSeconds: 5", "timeoutSeconds: 1", "gives up after 1 s"),
    ("deploy/k8s/base/issuer.yaml", 'safe-to-evict: "false"', 'safe-to-evict: "true"', "safe-to-evict is true"),
    ("deploy/k8s/base/persister.yaml", "kind: PodDisruptionBudget\nmetadata:\n  name: persister",
     "kind: PodDisruptionBudget\nmetadata:\n  name: writer", "no PodDisruptionBudget for persister"),
    ("deploy/k8s/example/ingress.yaml", "port: {name: http}", "port: {name: web}", "Ingress: there is no"),
    ("deploy/k8s/example/pod-monitor.yaml", "targetLabel: job", "targetLabel: jobs", "pod-monitor.yaml gives"),
    ("deploy/k8s/example/scrape.yaml", "target_label: role", "target_label: rule", "scrape.yaml gives"),
    ("deploy/k8s/base/kustomization.yaml", "  - network.yaml\n", "", "leaves out network.yaml"),
    ("deploy/config/kustomization.yaml", "files: [issuer.conf]", "files: [isuer.conf]",
     "there is no deploy/config/isuer.conf"),
    ("deploy/systemd/coupond.conf", "local_requests", "local_request", "unknown option"),
    ("deploy/systemd/coupond.conf", "/var/lib/coupond/journal", "/srv/journal", "outside of StateDirectory"),
    ("deploy/systemd/coupond-issuer.service", "coupond issuer --config", "coupond isuer --config", "ExecStart is"),
    ("deploy/systemd/coupond-issuer.service", "ProtectHome=yes", "ProtectHome=yse", "ProtectHome is yse"),
    ("deploy/systemd/coupond-persister.service", "ProtectSystem=strict", "ProtectSystem=full", "ProtectSystem is full"),
    ("deploy/systemd/coupond-gateway@.service", "COUPOND_GATEWAY_HTTP", "COUPOND_GATEWAY_HTPP",
     "COUPOND_GATEWAY_HTPP is no option"),
    ("deploy/systemd/coupond.tmpfiles", "d /run/coupond", "d /run/coupon", "does not make /run/coupond"),
]


@pytest.mark.parametrize("name, sound, broken, expected", PLANTED,
                         ids=[f"{name}:{broken[:30]!r}" for name, _, broken, _ in PLANTED])
def test_an_error_is_found(copy, name, sound, broken, expected):
    found = copy(name, sound, broken, tools=())
    assert any(expected in finding for finding in found), found


@pytest.mark.parametrize("program, part, name, sound, broken, expected", [
    ("docker-compose", "compose", "docker-compose.yml", "profiles: [load-test]", "profile: [load-test]",
     "docker-compose.yml: docker-compose"),
    ("haproxy", "compose", "deploy/haproxy/haproxy.cfg", "timeout queue", "timeout queues", "deploy/haproxy: "),
    ("kubectl", "kubernetes", "deploy/k8s/base/kustomization.yaml", "  - pairs:", "  - pears:", "deploy/k8s/base: "),
    ("systemd-analyze", "systemd", "deploy/systemd/coupond-issuer.service", "Type=notify", "Type=notifies",
     "coupond-issuer.service: "),
])
def test_other_programs_find_an_error(copy, program, part, name, sound, broken, expected):
    if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip(f"{program} is not installed")
    assert any(finding.startswith(expected) for finding in copy(name, sound, broken, tools=(part,)))
