"""Reads the files of a deployment and reports what does not fit together, among the files and with the program.

    findings(root, program)   # a sentence for everything that is wrong; none when all is well

`root` is the repository, or a copy of what it ships with something broken in it. Other programs (docker-compose,
kubectl, haproxy, systemd-analyze) look at their files, too, where they are there and unless `tools` is False.
"""

from . import compose, image, kubernetes, systemd
from .facts import Facts

PARTS = (compose, image, kubernetes, systemd)


def findings(root, program, tools=True):
    facts = Facts(root, program)
    facts.check_configs()
    for part in PARTS:
        part.check(facts)
        if tools:
            part.check_with_tools(facts)
    return facts.findings
