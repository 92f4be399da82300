"""Prometheus and Alertmanager beside a local system: their configuration, with this system's ports in it."""

import json

from .process import Process, answers_200
from .servers import REPOSITORY, find_program

ALERTMANAGER = """\
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


def prometheus(directory, ports, log):
    folder = directory / "prometheus"
    folder.mkdir(exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(prometheus_config(ports), indent=2) + "\n")  # JSON is YAML
    command = [find_program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
               "--storage.tsdb.retention.time=2d", f"--web.listen-address=127.0.0.1:{ports['prometheus']}"]
    return Process("prometheus", command, log, lambda: answers_200(ports["prometheus"], "/-/ready"))


def prometheus_config(ports):
    rules = sorted(str(path) for path in (REPOSITORY / "monitoring/rules").glob("*.yml") if not path.name.endswith("_test.yml"))
    config = {"global": {"scrape_interval": "1s", "evaluation_interval": "2s"}, "rule_files": rules,
              "scrape_configs": [
                  {"job_name": "coupond", "static_configs": [targets(ports, role, role=role) for role in ("gateway", "issuer", "persister")]},
                  *({"job_name": job, "static_configs": [targets(ports, name)]}
                    for job, name in (("haproxy", "haproxy-metrics"), ("mysqld", "mysqld-exporter"), ("redis", "redis-exporter"))
                    if name in ports)]}
    if "alertmanager" in ports:
        config["alerting"] = {"alertmanagers": [{"static_configs": [targets(ports, "alertmanager")]}]}
    return config


def targets(ports, name, **labels):
    """Those whose name is this one, or this one with a number."""
    found = [f"127.0.0.1:{port}" for member, port in ports.items()
             if member == name or member.rpartition("-")[0] == name and member.rpartition("-")[2].isdigit()]
    return {"targets": found, **({"labels": labels} if labels else {})}


def alertmanager(directory, ports, log):
    folder = directory / "alertmanager"
    folder.mkdir(exist_ok=True)
    shipped = REPOSITORY / "monitoring/alertmanager.yml"
    config = shipped if shipped.exists() else folder / "alertmanager.yml"
    if config is not shipped:
        config.write_text(ALERTMANAGER)
    command = [find_program("prometheus-alertmanager"), f"--config.file={config}", f"--storage.path={folder}/data",
               "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{ports['alertmanager']}"]
    return Process("alertmanager", command, log, lambda: answers_200(ports["alertmanager"], "/-/ready"))
