"""Prometheus and Alertmanager of a local system, with the configuration of monitoring/."""

import json
import shutil

from .process import Process, answers_200
from .servers import REPOSITORY, find_program


def prometheus(directory, ports, log):
    """Prometheus with the shipped configuration and rules, and this system's members as targets."""
    folder = directory / "prometheus"
    shutil.copytree(REPOSITORY / "monitoring/rules", folder / "rules", dirs_exist_ok=True)
    shutil.copy(REPOSITORY / "monitoring/prometheus.yml", folder)
    (folder / "targets").mkdir(exist_ok=True)
    for name, groups in targets(ports).items():
        (folder / f"targets/{name}.yml").write_text(json.dumps(groups, indent=2) + "\n")  # JSON is YAML
    command = [find_program("prometheus"), f"--config.file={folder}/prometheus.yml",
               f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=2d",
               f"--web.listen-address=127.0.0.1:{ports['prometheus']}"]
    return Process("prometheus", command, log, lambda: answers_200(ports["prometheus"], "/-/ready"))


def targets(ports):
    """{file of monitoring/targets: its groups}"""
    members = (("gateway-operator", "gateway"), ("issuer", "issuer"), ("persister", "persister"))
    return {"coupond": [group(ports, name, role=role) for name, role in members],
            **{job: [group(ports, name)]
               for job, name in (("haproxy", "haproxy-metrics"), ("mysqld", "mysqld-exporter"),
                                 ("redis", "redis-exporter"), ("alertmanager", "alertmanager"))}}


def group(ports, name, **labels):
    """The members with this name, or with this name and a number."""
    found = [f"127.0.0.1:{port}" for member, port in ports.items()
             if member == name or member.rpartition("-")[0] == name and member.rpartition("-")[2].isdigit()]
    return {"targets": found, **({"labels": labels} if labels else {})}


def alertmanager(directory, ports, log):
    folder = directory / "alertmanager"
    folder.mkdir(exist_ok=True)
    command = [find_program("prometheus-alertmanager"), f"--config.file={REPOSITORY}/monitoring/alertmanager.yml",
               f"--storage.path={folder}/data", "--cluster.listen-address=",
               f"--web.listen-address=127.0.0.1:{ports['alertmanager']}"]
    return Process("alertmanager", command, log, lambda: answers_200(ports["alertmanager"], "/-/ready"))
