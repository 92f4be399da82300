"""Checks deploy/systemd: the units, and the configuration that they share."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .facts import ROLES, seconds

FOLDER = "deploy/systemd"
INSTALLED = "/usr/local/bin/coupond"
CONFIG = "/etc/coupond/coupond.conf"
HARDENING = ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces",
             "MemoryDenyWriteExecute")
EXPOSURE_MAX = 25  # tenths, as systemd-analyze security counts


def check(facts):
    for role in ROLES:
        facts.check_config(role, f"{FOLDER}/coupond.conf", "/etc/coupond/")
        name = f"{FOLDER}/coupond-{role}{'@' if role == 'gateway' else ''}.service"
        if facts.expect((facts.root / name).exists(), f"{name} is missing"):
            check_unit(facts, name, role)
    check_folders(facts)


def check_with_tools(facts):
    if shutil.which("systemd-analyze"):
        analyze(facts)


def settings(text):
    """{key: value}, the last value of each key; {"Environment": {…}}."""
    found = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
    found["Environment"] = dict(re.findall(r"^Environment=(\w+)=(.*)$", text, re.M))
    return found


def check_unit(facts, name, role):
    unit = settings(facts.text(name))
    facts.expect(unit.get("ExecStart") == f"{INSTALLED} {role} --config {CONFIG}",
                 f"{name}: ExecStart is {unit.get('ExecStart')}")
    facts.expect(unit.get("Type") == "notify" and "WatchdogSec" in unit,
                 f"{name}: Type=notify and WatchdogSec are wanted")
    facts.expect(unit.get("User") == "coupond", f"{name}: User is {unit.get('User')}")
    facts.expect(unit.get("ProtectSystem") == "strict", f"{name}: ProtectSystem is {unit.get('ProtectSystem')}")
    for key in HARDENING:
        facts.expect(unit.get(key) == "yes", f"{name}: {key} is {unit.get(key)}")
    for variable in unit["Environment"]:
        facts.expect(facts.knows_variable(variable), f"{name}: {variable} is no option")
    config = facts.read_config(f"{FOLDER}/coupond.conf")
    drain = (facts.number(config, "gateway/drain_timeout_ms") + int(config.get("gateway/drain_delay_ms", 0))) / 1000
    facts.expect(seconds(unit["TimeoutStopSec"]) > drain, f"{name}: TimeoutStopSec is shorter than draining")
    if role == "gateway":
        facts.expect(unit["Environment"].get("COUPOND_GATEWAY_HTTP", "").endswith(":%i"),
                     f"{name}: the instance is not the port")


def check_folders(facts):
    """The units may write to every folder that the configuration writes to."""
    config = facts.read_config(f"{FOLDER}/coupond.conf")
    issuer = settings(facts.text(f"{FOLDER}/coupond-issuer.service"))
    state = "/var/lib/" + issuer.get("StateDirectory", "?")
    facts.expect(config["issuer/journal_dir"].startswith(state + "/"),
                 f"{FOLDER}: the journal is outside of StateDirectory, {state}")
    tmpfiles = facts.text(f"{FOLDER}/coupond.tmpfiles")
    for option in ("issuer/requests", "issuer/events", "issuer/acks", "issuer/local_requests"):
        folder = str(Path(config.get(option, "://").split("://")[1]).parent)
        facts.expect(folder == issuer.get("ReadWritePaths"),
                     f"{FOLDER}: the issuer may not write to {folder}, where {option} is")
        facts.expect(f"d {folder} " in tmpfiles, f"{FOLDER}/coupond.tmpfiles does not make {folder}")
    for option, path in config.items():
        if option.endswith("_file"):
            facts.expect(f"z {path} 0640 root coupond" in tmpfiles,
                         f"{FOLDER}/coupond.tmpfiles does not keep {path} from others")
    facts.expect(re.search(r"^u coupond ", facts.text(f"{FOLDER}/coupond.sysusers"), re.M),
                 f"{FOLDER}/coupond.sysusers makes no user coupond")


def analyze(facts):
    """systemd-analyze verify and security accept the units, with a program that exists."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (facts.root / FOLDER).glob("*.service"):
            copy = Path(folder) / path.name.replace("@.", "@8080.")
            for target in {copy, Path(folder) / path.name}:
                target.write_text(path.read_text(encoding="utf-8").replace(INSTALLED, str(facts.program)),
                                  encoding="utf-8")
            verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True,
                                      text=True, check=False)
            complaints = [line for line in verified.stderr.splitlines() if "coupond" in line]
            facts.expect(verified.returncode == 0 and not complaints, f"{path.name}: {verified.stderr.strip()}")
            secure = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}",
                                     "--no-pager", str(copy)], capture_output=True, text=True, check=False)
            facts.expect(secure.returncode == 0 or "nrecognized option" in secure.stderr,
                         f"{path.name}: more exposed than {EXPOSURE_MAX}: "
                         + secure.stdout.strip().rpartition("\n")[2])
