"""monitoring/ on the real system: a Prometheus with the shipped configuration scrapes it under load and evaluates every
expression of every dashboard, recording rule and alert."""

import contextlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
import yaml
from cluster import REPOSITORY, binary, environment, wait_until
from ports import free_port
from promql import Prometheus, concrete, dashboard_expressions, metric_names, rules, selectors

sys.path.insert(0, str(REPOSITORY))
from deploy.local.system import System

pytestmark = pytest.mark.once("does not depend on the build")

MONITORING = REPOSITORY / "monitoring"
DASHBOARDS = MONITORING / "grafana/dashboards"
LOAD_SECONDS = 30

# Expressions without a result on a healthy system. Counters of errors do not belong here: they are 0.
IDLE = {
    'changes(process_start_time_seconds{job=~"$job"}[5s]) > 0': "nothing is restarted",
}

# Metrics of coupond that nothing in monitoring/ uses, with the reason.
UNUSED = {
}


# --- the running system


class Watched:
    """The system, its Prometheus, and the time during which it was under load."""

    def __init__(self, system):
        self.system = system
        self.prometheus = Prometheus(system.url("prometheus"))
        self.start = self.end = None

    def bring_load(self):
        self._post("/v1/coupons", '{"id": "noon", "title": "Noon", "quantity": 1000000}')
        self._post("/v1/coupons", '{"id": "few", "title": "Few", "quantity": 2}')
        self._post("/v1/coupons", '{"id": "held", "title": "Held", "quantity": 2}')
        self._post("/v1/coupons/held", '{"paused": true}', 200, method="PATCH")
        self._post("/v1/verification", "", 202)  # one metric says when the last one ended
        self._wait_for_targets()
        self.start = time.time()
        left = 'coupon:coupond_remaining:sum{coupon="few"} offset 5s == 2'
        wait_until(lambda: self.prometheus.ask("query", query=left)["result"],
                   "the stock before the first issue is recorded")
        self._ask_for("few", (201, 201, 409))
        command = [binary(), "bench", "--url", self.system.front_url, "--coupon", "noon", "--rate", "800", "--duration",
                   str(LOAD_SECONDS), "--mix", "issue=70,wallet=5,lookup=5,code=5,redeem=8,undo=4,revoke=3"]
        looking = threading.Thread(target=self._look)
        looking.start()
        result = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=180, check=False)
        self.end = time.time()
        looking.join()
        assert result.returncode == 0, result.stdout + result.stderr

    def _look(self):
        while self.end is None:
            self._ask_for("held", (409,))
            self._get(self.system.front_url + "/v1/coupons/noon")
            self._get(self.system.front_url + "/v1/users/user-0/issues")
            time.sleep(0.05)

    def _wait_for_targets(self):
        def all_up():
            targets = self.prometheus.ask("targets")["activeTargets"]
            return len(targets) == 9 and all(target["health"] == "up" for target in targets)
        wait_until(all_up, lambda: f"targets up: {self.prometheus.ask('targets')['activeTargets']}")

    def _ask_for(self, coupon, statuses):
        for number, expected in enumerate(statuses):
            self._post(f"/v1/coupons/{coupon}/issues", f'{{"user_id": "user-{number}"}}', expected)

    def _post(self, path, body, expected=201, method="POST"):
        request = urllib.request.Request(self.system.front_url + path, method=method, data=body.encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == expected
        except urllib.error.HTTPError as error:
            assert error.code == expected, error.read()

    @staticmethod
    def _get(url):
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read().decode()

    def members(self):
        return [name for name in self.system.ports if re.match(r"gateway-operator|issuer|persister", name)]

    def metrics_of(self, member):
        return self._get(self.system.url(member) + "/metrics")

    def answers(self, expression):
        return self.prometheus.has_data(concrete(expression), self.start, self.end)


@pytest.fixture(scope="module", name="watched")
def watch_the_system(tmp_path_factory):
    with System(tmp_path_factory.mktemp("watched"), program=binary(), gateways=3, persisters=2, ports="free") as system:
        watched = Watched(system)
        watched.bring_load()
        yield watched


def expressions():
    yield from dashboard_expressions(DASHBOARDS)
    for rule in rules(MONITORING / "rules"):
        yield rule.get("alert") or rule["record"], rule["expr"]


def unanswered(watched, asked):
    """Those of (where, expression) whose result is not a number."""
    return [f"{where}: {expression}"
            for where, expression in asked if expression not in IDLE and not watched.answers(expression)]


# --- with it


def test_every_expression_of_every_dashboard_has_a_result(watched):
    assert unanswered(watched, dashboard_expressions(DASHBOARDS)) == []


def test_every_recording_rule_records(watched):
    recorded = [(rule["record"], asked) for rule in rules(MONITORING / "rules") if "record" in rule
                for asked in (rule["record"], rule["expr"])]
    assert recorded
    assert unanswered(watched, recorded) == []


def test_every_series_that_an_alert_uses_exists(watched):
    alerts = [rule for rule in rules(MONITORING / "rules") if "alert" in rule]
    looked_at = [(rule["alert"], selector) for rule in alerts for selector in selectors(rule["expr"])]
    assert len(looked_at) >= len(alerts)
    assert unanswered(watched, looked_at) == []
    for rule in alerts:
        watched.answers(rule["expr"])  # Prometheus understands it
    loaded = watched.prometheus.ask("rules")["groups"]
    assert [rule for group in loaded for rule in group["rules"] if rule["health"] != "ok"] == []


def test_no_critical_alert_or_warning_fires_on_a_healthy_system(watched):
    firing = watched.prometheus.ask("query_range", query='ALERTS{alertstate="firing", severity="critical"}',
                                    start=watched.start, end=watched.end, step=1)["result"]
    assert [series["metric"] for series in firing] == []


def test_every_metric_named_exists(watched):
    names = watched.prometheus.names()
    missing = {name for _, expression in expressions() for name in metric_names(expression)} - names
    assert missing == set()


def exported(text):
    """{name: type} of a /metrics."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def test_every_metric_exported_is_used_or_listed(watched):
    used = {name for _, expression in expressions() for name in metric_names(expression)}
    unused = set()
    for member in watched.members():
        for name, kind in exported(watched.metrics_of(member)).items():
            forms = [f"{name}_bucket", f"{name}_sum", f"{name}_count"] if kind == "histogram" else [name]
            if not used.intersection(forms):
                unused.add(name)
    assert unused == set(UNUSED)


def test_promtool_accepts_the_metrics(watched):
    for member in ("gateway-operator-1", "issuer", "persister-1"):
        result = subprocess.run(["promtool", "check", "metrics"], input=watched.metrics_of(member), capture_output=True,
                                text=True, check=False)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), member


def test_no_alert_fires_for_one_process_with_all_roles(tmp_path):
    http, operator, port = free_port(), free_port(), free_port()
    shutil.copytree(MONITORING / "rules", tmp_path / "rules")
    config = (MONITORING / "prometheus.dev.yml").read_text(encoding="utf-8")
    assert config.count("127.0.0.1:8090") == 1
    (tmp_path / "prometheus.yml").write_text(config.replace("127.0.0.1:8090", f"127.0.0.1:{operator}"),
                                             encoding="utf-8")
    commands = [[binary(), "dev", "--dir", tmp_path / "dev", "--http", f"127.0.0.1:{http}", "--set",
                 f"gateway/operator_http=127.0.0.1:{operator}"],
                ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                 f"--web.listen-address=127.0.0.1:{port}"]]
    prometheus = Prometheus(f"http://127.0.0.1:{port}")

    def value(expression):
        with contextlib.suppress(OSError, AssertionError):  # it is starting
            return [sample["value"][1] for sample in prometheus.ask("query", query=expression)["result"]]
        return None

    with contextlib.ExitStack() as running:
        for command in commands:
            log = running.enter_context(open(tmp_path / "log", "ab"))
            process = running.enter_context(subprocess.Popen([*map(str, command)], stdout=log, stderr=log,
                                                             env=environment()))
            running.callback(process.terminate)
        # An alert may be pending at the start, before the first scrape; a real one is still pending a while later.
        wait_until(lambda: value("count_over_time(up[15s]) >= 12") and value("ALERTS") == [],
                   lambda: f"alerts: {value('ALERTS')}")
        assert value("up") == ["1"]


@pytest.mark.parametrize("broken", [
    "sum(rate(coupond_issuer_verdict_total[5s]))",  # no such metric
    'coupond_issuer_coupon_issued{coupon="midnight"}',  # no such label value
    "rate(coupond_issuer_journal_sync_seconds[5s])",  # not a series of a histogram
])
def test_an_expression_without_a_result_is_found(watched, broken):
    assert unanswered(watched, [("broken", broken)]) == [f"broken: {broken}"]


def test_an_expression_that_prometheus_does_not_understand_is_found(watched):
    with pytest.raises(AssertionError, match="parse error"):
        watched.answers("sum(rate(coupond_issuer_verdicts_total[5s])")


# --- without it


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("config", ["prometheus.yml", "prometheus.compose.yml", "prometheus.dev.yml"])
def test_promtool_accepts_the_configuration(config):
    result = promtool("check", "config", "--lint-fatal", MONITORING / config)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 rule files found" in result.stdout


def files_by_alert(folder):
    """Writes each alert with its tests to its own file: every test evaluates all rules that it loads, once per
    simulated second."""
    groups = yaml.safe_load((MONITORING / "rules/alerts.yml").read_text(encoding="utf-8"))["groups"]
    tests = yaml.safe_load((MONITORING / "rules/tests/alerts.yml").read_text(encoding="utf-8"))
    for alert in (rule for group in groups for rule in group["rules"]):
        name = alert["alert"]
        (folder / f"{name}.rule.yml").write_text(yaml.safe_dump({"groups": [{"name": name, "rules": [alert]}]}),
                                                 encoding="utf-8")
        content = {**tests, "rule_files": [str(MONITORING / "rules/recording.yml"), f"{name}.rule.yml"],
                   "tests": [test for test in tests["tests"] if test["name"] == name]}
        (folder / f"{name}.test.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
        yield folder / f"{name}.test.yml"


def test_the_rules_pass_their_tests(tmp_path):
    result = promtool("test", "rules", *files_by_alert(tmp_path), MONITORING / "rules/tests/recording.yml")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("tests, name, sound, broken", [
    ("alerts.yml", "CoupondJournalFull", "coupond_issuer_journal_full == 1", "coupond_issuer_journal_full == 2"),
    ("recording.yml", "stock, rate, and time until sold out",
     "coupond_issuer_coupon_issued + coupond_issuer_coupon_returned", "coupond_issuer_coupon_issued"),
])
def test_rules_that_are_broken_fail_their_tests(tmp_path, tests, name, sound, broken):
    shutil.copytree(MONITORING / "rules", tmp_path / "rules")
    copy = tmp_path / "rules/tests" / tests
    content = yaml.safe_load(copy.read_text(encoding="utf-8"))
    copy.write_text(yaml.safe_dump({**content, "tests": [test for test in content["tests"] if test["name"] == name]}),
                    encoding="utf-8")
    assert promtool("test", "rules", copy).returncode == 0
    texts = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "rules").glob("*.yml")}
    assert sum(text.count(sound) for text in texts.values()) == 1
    for path, text in texts.items():
        path.write_text(text.replace(sound, broken), encoding="utf-8")
    assert promtool("test", "rules", copy).returncode != 0


def test_every_alert_has_tests_and_a_runbook():
    tests = {test["name"]
             for test in yaml.safe_load((MONITORING / "rules/tests/alerts.yml").read_text(encoding="utf-8"))["tests"]}
    alerts = [rule for rule in rules(MONITORING / "rules") if "alert" in rule]
    assert {rule["alert"] for rule in alerts} == tests
    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]


def test_the_alerts_that_alertmanager_names_exist():
    alerts = {rule["alert"] for rule in rules(MONITORING / "rules") if "alert" in rule}
    named = set(re.findall(r"\b(?:Coupond|Database|Redis|Haproxy)[A-Z]\w+",
                           (MONITORING / "alertmanager.yml").read_text(encoding="utf-8")))
    assert named and named <= alerts


@pytest.mark.parametrize("expression, expected", [
    ("up", ["up"]),
    ('sum by (le, role) (rate(a_bucket{x="sum by (b)", y=~"c|d"}[5s])) / on (z) group_left () b:c:d offset 5m > 0.5',
     ['a_bucket{x="sum by (b)", y=~"c|d"}', "b:c:d"]),
    ("histogram_quantile(0.99, a) and b > 1e3 or vector(0) unless c == bool 1", ["a", "b", "c"]),
    ("time() - start{job='x'}", ["start{job='x'}"]),
])
def test_selectors_are_found(expression, expected):
    assert selectors(expression) == expected
