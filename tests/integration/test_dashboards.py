"""The Grafana dashboards: every panel is described completely, and its colours match its values. test_monitoring
evaluates their expressions in a Prometheus."""

import copy
import json
import re
import subprocess
import sys

import pytest
import yaml
from cluster import REPOSITORY

pytestmark = pytest.mark.once("does not depend on the build")

GRAFANA = REPOSITORY / "monitoring/grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}

# Values in Grafana's dashboard model (schema of Grafana 10 and 11).
TYPES = {"stat", "bargauge", "timeseries", "heatmap", "state-timeline"}
SINGLE = {"stat", "bargauge", "gauge", "table"}
GRAPH_THRESHOLDS = {"off", "line", "dashed", "area", "line+area", "dashed+area", "series"}
COLORS = {"green", "orange", "red", "blue"}
NEUTRAL = "blue"

# For every panel with thresholds or mappings: a good value and a bad value.
GOOD_AND_BAD = {
    "life: Revoked in five minutes": (3, 101), "life: Redemptions refused": (0.1, 0.6),
    "life: Age of lists": (1, 61), "life: Refused with 503, by route": (0, 2),
    "life: Age of lists, by partition": (1, 61),
    "event: 99th percentile": (0.02, 0.6), "event: Members ready": (1, 0.8), "event: Latency": (0.02, 0.6),
    "event: 503 answers, by reason": (0, 2), "engine: Sync of the journal": (0.002, 0.06),
    "engine: Sync, 99th percentile over 30 seconds": (0.002, 0.06), "engine: Persist lag, time": (1, 301),
    "engine: Store errors": (0, 1), "engine: Lost records and foreign stores": (0, 1),
    "engine: Recovery": (2, 100), "engine: Disk": (0, 1), "engine: Clock": (0, 1), "engine: Journal ahead": (0, 5),
    "engine: Secret": (0, 1), "engine: Identity": (0, 1), "engine: Keys that cannot be read": (0, 1),
    "engine: Refused by the issuer": (0, 2), "engine: Dropped": (0, 2),
    "engine: Ready": (1, 0), "engine: File descriptors": (0.1, 0.85), "stores: Database": (1, 0),
    "stores: Exporter": (0, 1), "stores: Redis": (1, 0), "stores: Redis errors of the gateways": (0, 2),
    "stores: Gateways ready": (3, 0), "stores: Response time of the gateways": (0.02, 0.6), "stores: Errors": (0, 2),
}


def panels():
    return {f"{name}: {panel['title']}": panel for name, dashboard in DASHBOARDS.items()
            for panel in dashboard["panels"] if panel["type"] != "row"}


def color_of(panel, value):
    """Grafana's choice: the mapping of the value, otherwise the last step at or below it."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults["mappings"]:
        if mapping["type"] == "value" and str(value) in mapping["options"]:
            return mapping["options"][str(value)]["color"]
    return [step["color"]
            for step in defaults["thresholds"]["steps"] if step["value"] is None or step["value"] <= value][-1]


# --- the checks


def faults_of_levels(panel):
    """Without thresholds Grafana shows values from 80 in red, so that a panel must state that it has none."""
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    if not steps:
        return ["has neither thresholds nor an explicit none"]
    faults = [] if {step["color"] for step in steps} <= COLORS else ["has a colour without a meaning"]
    values = [step["value"] for step in steps]
    if values[0] is not None or None in values[1:] or values[1:] != sorted(set(values[1:])):
        faults.append("has thresholds that do not ascend from minus infinity")
    if len(steps) == 1 and steps[0]["color"] != NEUTRAL:
        faults.append("has one colour for all values, which is not the neutral one")
    if len(steps) > 1 and not {"green", "red"} <= {step["color"] for step in steps}:
        faults.append("has thresholds without green and red")
    return faults


def faults_of_targets(panel):
    single = panel["type"] in SINGLE
    return [f"asks {target['refId']} {'for a range, whose last value may be stale' if single else 'for a moment only'}"
            for target in panel["targets"] if (target.get("instant"), target.get("range")) != (single, not single)]


def faults_of_graph(panel):
    style = panel["fieldConfig"]["defaults"].get("custom", {}).get("thresholdsStyle", {}).get("mode")
    shown = len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1
    faults = [] if panel["options"]["legend"]["calcs"] == ["lastNotNull",
                                                           "max"] else ["has a legend without last and max"]
    if style not in GRAPH_THRESHOLDS or (style != "off") != shown:
        faults.append("does not show its thresholds")
    return faults


def faults_of(panel):
    defaults = panel["fieldConfig"]["defaults"]
    faults = [f"has no {what}"
              for what, value in (("title", panel["title"]), ("description", panel["description"]),
                                  ("unit", defaults.get("unit")))
              if not value]
    faults += [] if panel["type"] in TYPES else [f"is a {panel['type']}, which Grafana does not have"]
    faults += faults_of_levels(panel) + faults_of_targets(panel)
    return faults + (faults_of_graph(panel) if panel["type"] == "timeseries" and not faults else [])


# --- on the dashboards


def test_every_panel_has_unit_levels_and_the_right_kind_of_query():
    assert len(panels()) >= 88
    assert {where: faults_of(panel) for where, panel in panels().items() if faults_of(panel)} == {}


def test_every_panel_is_green_for_a_good_value_and_red_for_a_bad_one():
    coloured = {where
                for where, panel in panels().items()
                if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1}
    assert coloured == set(GOOD_AND_BAD)
    for where, (good, bad) in GOOD_AND_BAD.items():
        assert (color_of(panels()[where], good), color_of(panels()[where], bad)) == ("green", "red"), where


@pytest.mark.parametrize("where, path, value, fault", [
    ("event: Remaining", ["fieldConfig", "defaults", "unit"], "", "has no unit"),
    ("event: Remaining", ["description"], "", "has no description"),
    ("event: Remaining", ["type"], "singlestat", "is a singlestat"),
    ("event: Remaining", ["fieldConfig", "defaults", "thresholds"], {}, "neither thresholds nor an explicit none"),
    ("event: Remaining", ["fieldConfig", "defaults", "thresholds", "steps", 0, "color"], "red", "not the neutral one"),
    ("event: Members ready", ["fieldConfig", "defaults", "thresholds", "steps", 1, "color"], "red",
     "without green and red"),
    ("event: Members ready", ["fieldConfig", "defaults", "thresholds", "steps", 0, "value"], 2, "do not ascend"),
    ("event: Members ready", ["fieldConfig", "defaults", "thresholds", "steps", 0, "color"], "crimson-ish",
     "without a meaning"),
    ("event: Remaining", ["targets", 0, "instant"], False, "may be stale"),
    ("event: Share issued", ["targets", 0, "range"], True, "may be stale"),
    ("event: Latency", ["targets", 0, "instant"], True, "for a moment only"),
    ("event: Latency", ["options", "legend", "calcs"], [], "without last and max"),
    ("event: Latency", ["fieldConfig", "defaults", "custom", "thresholdsStyle", "mode"], "off", "does not show"),
])
def test_a_panel_with_a_fault_is_found(where, path, value, fault):
    panel = copy.deepcopy(panels()[where])
    *parents, last = path
    part = panel
    for step in parents:
        part = part[step]
    part[last] = value
    assert any(fault in found for found in faults_of(panel)), faults_of(panel)


def test_a_panel_that_is_red_for_a_good_value_is_found():
    panel = copy.deepcopy(panels()["engine: Sync of the journal"])
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    for step, color in zip(steps, ("red", "orange", "green")):
        step["color"] = color
    assert (color_of(panel, 0.002), color_of(panel, 0.06)) == ("red", "green")


def test_states_have_names():
    named = {where: [option["text"] for mapping in panel["fieldConfig"]["defaults"]["mappings"]
                     for option in mapping["options"].values()]
             for where, panel in panels().items()}
    assert {where: names for where, names in named.items() if names} == {
        "engine: Disk": ["free", "full"], "engine: Clock": ["trusted", "suspect"], "engine: Secret": ["set", "missing"],
        "engine: Identity": ["asked", "missing"],
        "engine: Ready": ["waiting", "ready"], "stores: Database": ["down", "up"],
        "stores: Exporter": ["ok", "errors"], "stores: Redis": ["down", "up"]}


def test_the_requests_of_a_gateway_include_all_outcomes():
    asked = [target["expr"] for target in panels()["stores: Requests, by gateway"]["targets"]]
    assert len(asked) == 1 and "by (server, code)" in asked[0] and "code=" not in asked[0]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_source_and_job_can_be_chosen(name):
    variables = {variable["name"]: variable for variable in DASHBOARDS[name]["templating"]["list"]}
    assert (variables["source"]["type"], variables["source"]["query"]) == ("datasource", "prometheus")
    assert variables["job"]["query"]["query"] == "label_values(coupond_ready, job)"
    assert "allValue" not in variables["job"], "the value All means the jobs of coupond, not those of exporters"
    written = (GRAFANA / "provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    provisioned = yaml.safe_load(written)["datasources"]
    assert variables["source"]["current"]["value"] in [source["uid"] for source in provisioned]
    text = json.dumps({**DASHBOARDS[name], "templating": None})
    assert set(re.findall(r'"type": "prometheus", "uid": "([^"]+)"', text)) == {"${source}"}
    for panel in DASHBOARDS[name]["panels"]:
        for target in panel.get("targets", []):
            plain = re.findall(r"(?<![:\w])coupond_\w+(?![:\w])(?!\{job=~\"\$job\")", target["expr"])
            assert plain == [], f"{panel['title']}: {plain} is not limited to the selected jobs"


@pytest.mark.parametrize("name, expected", [
    ("event", ["opened", "paused", "sold out", "restarted"]), ("engine", ["restarted"]), ("stores", ["restarted"])])
def test_events_are_marked(name, expected):
    marks = DASHBOARDS[name]["annotations"]["list"]
    assert [mark["name"] for mark in marks] == expected
    for mark in marks:
        assert mark["enable"] and mark["expr"] and mark["textFormat"] and mark["iconColor"], mark
        assert mark["expr"].endswith("> 0"), "a mark is where the value is above 0"


def milliseconds(interval):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)", interval).groups()
    return int(number) * {"ms": 1, "s": 1000, "m": 60000}[unit]


def test_grafana_allows_the_refresh_intervals_of_the_dashboards():
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    shortest = milliseconds(services["grafana"]["environment"].get("GF_DASHBOARDS_MIN_REFRESH_INTERVAL", "5s"))
    for name, dashboard in DASHBOARDS.items():
        for interval in (dashboard["refresh"], *dashboard["timepicker"]["refresh_intervals"]):
            assert milliseconds(interval) >= shortest, f"{name}: {interval}"


def test_the_files_match_their_source(tmp_path):
    for source in ("dashboards.py", "model.py"):
        (tmp_path / source).write_text((GRAFANA / source).read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, "-B", tmp_path / "dashboards.py"], check=True)
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "dashboards").glob("*.json")}
    assert written == {path.name: path.read_text(encoding="utf-8")
                       for path in FILES}, "run monitoring/grafana/dashboards.py"


def test_panels_fit_the_grid_and_do_not_overlap():
    for name, dashboard in DASHBOARDS.items():
        taken = {}
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, f"{name}: {panel['title']}"
            for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                         for y in range(place["y"], place["y"] + place["h"])):
                assert taken.setdefault(cell,
                                        panel["title"]) == panel["title"], f"{name}: {panel['title']} on {taken[cell]}"
