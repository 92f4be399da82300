"""Reads the files of a deployment and reports what does not fit together, among the files and with the program.

    findings(root, program)   # a sentence for everything that is wrong; none when all is well

`root` is the repository, or a copy of what it ships with something broken in it. Other programs (docker-compose,
kubectl, haproxy, systemd-analyze) check the files of the parts that `tools` names, where they are installed.
"""

from . import compose, image, kubernetes, systemd
from .facts import Facts

PARTS = {"compose": compose, "image": image, "kubernetes": kubernetes, "systemd": systemd}


def findings(root, program, tools=tuple(PARTS)):
    facts = Facts(root, program)
    facts.check_configs()
    for name, part in PARTS.items():
        part.check(facts)
        if name in tools:
            part.check_with_tools(facts)
    return facts.findings
