"""The expressions that monitoring/ sends to Prometheus, and whether a Prometheus has data for them.

    for where, expression in dashboard_expressions(folder): …
    Prometheus(url).has_data(concrete(expression), start, end)

Expressions are taken apart by words, not by a grammar: enough for those of monitoring/, which a test holds against
Prometheus.
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
SELECTOR = re.compile(r"(?<![\w:$.])([a-zA-Z_:][\w:]*)\b(?!\s*\()\s*(\{[^{}]*\})?")
DURATION = re.compile(r"\[[^\[\]]*\]|\boffset\s+\w+")
WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf",
         "nan"}
VARIABLES = {"$__rate_interval": "5s", "$coupon": ".*", "$job": "coupond"}


def dashboard_expressions(folder):
    """(dashboard and panel or annotation, expression) of every target of every dashboard."""
    for path in sorted(Path(folder).glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for annotation in dashboard["annotations"]["list"]:
            yield f"{path.stem}: {annotation['name']}", annotation["expr"]
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.stem}: {panel['title']}", target["expr"]


def rules(folder):
    """All recording rules and alerts, as the files have them."""
    for path in sorted(Path(folder).glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def concrete(expression):
    """The expression with values in place of Grafana's variables."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def selectors(expression):
    """['metric{label="value"}', …] in the order of the expression."""
    strings = []

    def hide(found):
        strings.append(found[0])
        return f'"{len(strings) - 1}"'

    bare = DURATION.sub(" ", GROUPING.sub(" ", STRING.sub(hide, expression)))
    found = [name + (labels or "") for name, labels in SELECTOR.findall(bare) if name.lower() not in WORDS]
    return [re.sub(r'"(\d+)"', lambda number: strings[int(number[1])], selector) for selector in found]


def metric_names(expression):
    return {selector.split("{")[0] for selector in selectors(expression)}


class Prometheus:
    def __init__(self, url):
        self.url = url

    def ask(self, path, **parameters):
        """The data of an answer; an AssertionError with Prometheus' message when it rejects the query."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}",
                                        timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def has_data(self, expression, start, end):
        """Whether there is a number at some second of that time."""
        found = self.ask("query_range", query=expression, start=start, end=end, step=1)["result"]
        return any(value != "NaN" for series in found for _, value in series["values"])

    def names(self):
        return set(self.ask("label/__name__/values"))
