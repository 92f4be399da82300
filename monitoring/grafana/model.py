"""Grafana's model of a dashboard, as JSON: translates dashboards.py into Grafana's terms (schema 39, Grafana 10 and
later)."""

import json
import re

SOURCE = {"type": "prometheus", "uid": "${source}"}
HEIGHTS = {"stat": 4, "graph": 8, "bars": 8, "heat": 8, "state": 8}
TYPES = {"stat": "stat", "graph": "timeseries", "bars": "bargauge", "heat": "heatmap", "state": "state-timeline"}
SINGLE = ("stat", "bars")  # kinds that show the current value: a range would show the last value of a missing member
COUPOND_METRIC = re.compile(r"(?<![:\w$])coupond_\w+(?![:\w])(\{)?")


# --- levels: which values are good and which are bad


def levels(*steps, **more):
    """Steps are (lowest value, colour); the first value is None, minus infinity."""
    return {"thresholds": {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in steps]},
            **more}


def above(*bounds):
    """Red from the last bound, orange from the one before it, if there are two."""
    return levels((None, "green"), *zip(bounds, ("orange", "red")[-len(bounds):]))


def below(bound):
    """Red below the bound."""
    return levels((None, "red"), (bound, "green"))


def states(**colors):
    """Names and colours of the values 0 and 1."""
    shown = {str(number): {"text": name, "color": color, "index": number}
             for number, (name, color) in enumerate(colors.items())}
    return levels(*zip((None, 1), colors.values()), mappings=[{"type": "value", "options": shown}])


NEUTRAL = "blue"
NONE = levels((None, NEUTRAL))
SIGNED = {**NONE, "min": None}  # for values that can be negative


# --- panels


def asked(expression):
    """The expression with the selected jobs and Grafana's rate interval."""
    chosen = COUPOND_METRIC.sub(lambda found: found[0] + 'job=~"$job", ' if found[1] else found[0] + '{job=~"$job"}',
                                expression)
    return chosen.replace("RATE", "$__rate_interval")


def target(number, legend, expression, kind):
    instant = kind in SINGLE
    return {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": asked(expression), "legendFormat": legend,
            "instant": instant, "range": not instant, **({"format": "heatmap"} if kind == "heat" else {})}


def options(kind):
    reduce = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    if kind == "stat":
        return {**reduce, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
    if kind == "bars":
        return {**reduce, "displayMode": "basic", "orientation": "horizontal"}
    if kind == "heat":
        return {"calculate": False, "yAxis": {"unit": "s"},
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64}}
    if kind == "state":
        return {"showValue": "never", "mergeValues": True, "rowHeight": 0.9, "legend": legend,
                "tooltip": {"mode": "single", "sort": "none"}}
    return {"legend": {**legend, "displayMode": "table", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"}}


def has_levels(shown):
    return len(shown["thresholds"]["steps"]) > 1


def field(kind, unit, shown):
    defaults = {"unit": unit, "min": 0, **({"max": 1} if unit == "percentunit" and kind == "bars" else {}),
                "mappings": [], **shown, "color": {"mode": "palette-classic" if kind == "graph" else "thresholds"}}
    if kind == "graph":
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never",
                              "thresholdsStyle": {"mode": "dashed" if has_levels(shown) else "off"}}
    if kind == "state":
        defaults["custom"] = {"lineWidth": 0, "fillOpacity": 70}
    if kind in SINGLE:
        defaults["noValue"] = "–"
    return {name: value for name, value in defaults.items() if value is not None}


def panel(number, place, kind, title, unit, shown, description, targets):
    return {"id": number, "type": TYPES[kind], "title": title, "description": description, "datasource": SOURCE,
            "gridPos": place, "fieldConfig": {"defaults": field(kind, unit, shown), "overrides": []},
            "options": options(kind),
            "targets": [target(i, legend, expression, kind) for i, (legend, expression) in enumerate(targets.items())]}


def laid_out(rows):
    """Places panels from left to right and from top to bottom; the title of a row occupies a line."""
    panels, x, y, height = [], 0, 0, 0
    for number, (kind, title, *rest) in enumerate(rows, 1):
        width = 24 if kind == "row" else rest[1]
        if x + width > 24:
            x, y, height = 0, y + height, 0
        if kind == "row":
            panels.append({"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                           "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
            x, height = 24, 1
            continue
        unit, _, *rest = rest
        panels.append(panel(number, {"x": x, "y": y, "w": width, "h": HEIGHTS[kind]}, kind, title, unit, *rest))
        x, height = x + width, max(height, HEIGHTS[kind])
    return panels


# --- annotations, variables, and the file


def annotation(name, color, expression, label):
    """A mark wherever the expression is above 0; adjacent marks are merged."""
    return {"name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": color,
            "expr": asked(expression), "step": "2s", "titleFormat": name, "textFormat": label, "tagKeys": "coupon,role",
            "useValueForTime": False}


def source_variable():
    return {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "",
            "refresh": 1, "hide": 0, "multi": False, "includeAll": False, "options": [],
            "current": {"text": "Prometheus", "value": "prometheus"}}


def label_variable(label, metric, **more):
    """A variable whose values are those of a metric's label."""
    query = f"label_values({metric}, {label})"
    return {"name": label, "label": label.capitalize(), "type": "query", "datasource": SOURCE, "refresh": 2, "sort": 1,
            "hide": 0, "query": {"query": query, "refId": label}, "definition": query, "multi": True,
            "includeAll": True, **more, "options": [], "current": {"text": "All", "value": "$__all"}}


def text(name, title, description, refresh, since, variables, annotations, rows):
    """The JSON file of a dashboard."""
    listed = [source_variable(), label_variable("job", "coupond_ready"),
              *(label_variable(*variable, allValue=".*") for variable in variables)]
    dashboard = {
        "uid": f"coupond-{name}", "title": title, "description": description, "tags": ["coupond"], "schemaVersion": 39,
        "version": 2, "editable": True, "refresh": refresh, "time": {"from": since, "to": "now"}, "timezone": "browser",
        "graphTooltip": 1, "timepicker": {"refresh_intervals": ["1s", "2s", "5s", "10s", "30s", "1m"]},
        "templating": {"list": listed}, "annotations": {"list": annotations},
        "links": [{"type": "dashboards", "title": "coupond", "tags": ["coupond"], "asDropdown": False,
                   "includeVars": True, "keepTime": True}], "panels": laid_out(rows)}
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
