"""Checks the Dockerfile: its stages, the packages of the last one, and how a container of it runs."""

import functools
import json
import re
import subprocess
from pathlib import Path

NAME = "Dockerfile"
ALSO = {"ca-certificates"}


def check(facts):
    text = re.sub(r"\\\n", " ", facts.text(NAME))
    instructions = [line.split(None, 1) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    bases = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    for base in bases:
        facts.expect(re.fullmatch(r"debian:[a-z]+-slim", base), f"{NAME}: the base image {base} is no slim Debian")
    facts.expect(len(set(bases)) == 1 and len(bases) == 3, f"{NAME}: it is built and run on different systems: {bases}")
    last = dict(instructions)
    facts.expect(last.get("STOPSIGNAL") == "SIGTERM", f"{NAME}: STOPSIGNAL is {last.get('STOPSIGNAL')}")
    facts.expect(re.fullmatch(r"[1-9]\d*(:\d+)?", last.get("USER", "")),
                 f"{NAME}: USER is no number of an ordinary user")
    check_build(facts, text)
    check_packages(facts, text.split("FROM ")[-1])
    check_run(facts, last)


def check_with_tools(_):
    """Nothing: no tool builds an image without an engine."""


def check_build(facts, text):
    presets = {preset["name"] for preset in json.loads(facts.text("CMakePresets.json"))["buildPresets"]}
    for preset in re.findall(r"--preset (\w+)", text):
        facts.expect(preset in presets, f"{NAME}: there is no preset {preset}")
    groups = {line.split()[0] for line in facts.text("packages.txt").splitlines() if line and not line.startswith("#")}
    for group in re.findall(r'\$1 == "(\w+)"', text):
        facts.expect(group in groups, f"{NAME}: packages.txt has no group {group}")
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        for source in sources.split():  # with a pattern it may be absent
            facts.expect("[" in source or (facts.root / source).exists(), f"{NAME}: there is no {source} to copy")


def check_packages(facts, stage):
    """The last stage installs exactly the packages of the libraries that the program names, on the Debian release of
    the image."""
    named = set(re.findall(r"^\s*|\s([a-z][a-z0-9.+-]+)(?=\s)",
                           re.search(r"--no-install-recommends(.*?)&&", stage)[1])) - {""}
    needed = libraries_of(facts.program)
    if needed is None:
        return
    facts.expect(needed <= named, f"{NAME}: the program needs {', '.join(sorted(needed - named))}")
    facts.expect(named <= needed | ALSO, f"{NAME}: nothing needs {', '.join(sorted(named - needed - ALSO))}")


@functools.cache
def libraries_of(program):
    """Debian's packages of the libraries that the program itself is linked with; None where they cannot be determined,
    or on another Debian release."""
    try:
        if "bookworm" not in Path("/etc/os-release").read_text(encoding="utf-8"):
            return None
        dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
        resolved = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    paths = dict(re.findall(r"^\s*(\S+) => (\S+)", resolved, re.M))
    files = [f"*/{paths[library].rpartition('/')[2]}" for library in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)]
    owners = subprocess.run(["dpkg", "-S", *files], capture_output=True, text=True, check=False).stdout
    packages = set(re.findall(r"^(\S+?)(?::\w+)?: ", owners, re.M))
    return {package for package in packages if not re.match(r"libc6|.*-dev$|libasan|libubsan", package)}


def check_run(facts, last):
    facts.expect(json.loads(last["ENTRYPOINT"]) == ["coupond"], f"{NAME}: ENTRYPOINT is {last['ENTRYPOINT']}")
    command = json.loads(last["CMD"])
    result = facts.run(*command, "--check-config")
    facts.expect(result.returncode == 0, f"{NAME}: CMD: {result.stderr.strip()}")
    address = command[command.index("--http") + 1] if "--http" in command else ""
    facts.expect(address.endswith(":" + last.get("EXPOSE", "")),
                 f"{NAME}: EXPOSE {last.get('EXPOSE')}, but CMD serves on {address}")
    volume = last.get("VOLUME")
    facts.expect(volume in command, f"{NAME}: CMD keeps its data outside of {volume}")
    facts.check_interval(NAME, re.search(r"--interval=(\S+)|$", last["HEALTHCHECK"])[1] or "30s")
    health = json.loads(last["HEALTHCHECK"].split("CMD", 1)[1])
    facts.check_health(NAME, health, "gateway", {})
    facts.expect(f"gateway/http={address}" in health, f"{NAME}: HEALTHCHECK does not ask {address}")
