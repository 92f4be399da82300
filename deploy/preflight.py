#!/usr/bin/env python3
"""Reports, before the start, which of its files each container of docker-compose.yml can read: ./dev compose-check

    deploy/preflight.py [--secrets DIR] [--mend]

Compose passes files to containers as bind mounts, which keep the owner and mode of the host: only its owner, by numeric
id, and root can read a secret of mode 0600. The folders above a file do not matter inside the container. --mend, as
root, sets the owner of each secret to the user who reads it. Exit status: 0: everything can be read; 1: something
cannot be read; 2: wrong usage.
"""

import argparse
import os
import re
import stat
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

# User and group of each container's first process, as its image sets them. Root reads everything unless Compose takes
# that capability away.
USERS = {"gateway": (10001, 10001), "issuer": (10001, 10001), "persister": (10001, 10001), "haproxy": (99, 99),
         "mysql": (0, 0), "mysql-accounts": (0, 0), "redis": (999, 1000), "prometheus": (65534, 65534),
         "alertmanager": (65534, 65534), "grafana": (472, 0), "mysqld-exporter": (65534, 65534),
         "redis-exporter": (59000, 59000), "locust": (1000, 1000), "locust-worker": (1000, 1000)}


class PreflightError(Exception):
    """The reason why nothing can be reported, for the user."""


def load(path):
    try:
        import yaml
    except ImportError:
        raise PreflightError(
            "python3-yaml is not installed; on Debian and Ubuntu: apt-get install python3-yaml"
        ) from None
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def reads_everything(service, uid):
    """Root reads everything only with this capability."""
    dropped, added = service.get("cap_drop", []), service.get("cap_add", [])
    return uid == 0 and ("ALL" not in dropped or "DAC_OVERRIDE" in added or "DAC_READ_SEARCH" in added)


def may_read(status, uid, gid):
    shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
    wanted = 5 if stat.S_ISDIR(status.st_mode) else 4
    return (status.st_mode >> shift) & wanted == wanted


def unreadable(path, uid, gid):
    """The first path, at or below `path`, that this user cannot read, and its status; None if there is none."""
    status = path.stat()
    if not may_read(status, uid, gid):
        return path, status
    if path.is_dir():
        for inside in sorted(path.iterdir()):
            if found := unreadable(inside, uid, gid):
                return found
    return None


def given(compose, service, secrets):
    """(description, path on the host) of every secret and file that is mounted into a service."""
    for secret in service.get("secrets", []):
        name = secret if isinstance(secret, str) else secret["source"]
        yield f"secret {name}", secrets / Path(compose["secrets"][name]["file"]).name
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            yield source, REPOSITORY / source


# Restrictions on the content of secrets: (pattern of each character, the problem if one does not match).
CONTENT = {
    "admin_token": (r"[!-~]", "has blanks or characters other than printable ASCII, which a bearer token cannot have"),
    "db_root_password": (r"[^'\"\\]",
                         "has a quote or a backslash, which MySQL's image inserts into SQL unescaped: it would stop "
                         "with an incomplete database"),
}


def unfit(path):
    """The problem with the content of a secret; None if there is none, or if we cannot read it."""
    if path.name not in CONTENT or not os.access(path, os.R_OK):
        return None
    allowed, problem = CONTENT[path.name]
    text = path.read_text(encoding="utf-8", errors="replace").strip("\r\n")
    return None if re.fullmatch(f"(?:{allowed})*", text) else problem


def look(what, path, service, user):
    """None if the user can read it, otherwise the problem."""
    if not path.exists():
        return f"{what}: {path} does not exist"
    if what.startswith("secret ") and not path.is_file():
        return f"{what}: {path} is not a file"
    if what.startswith("secret ") and path.stat().st_size == 0:
        return f"{what}: {path} is empty"
    if what.startswith("secret ") and (problem := unfit(path)):
        return f"{what}: {path} {problem}"
    if reads_everything(service, user[0]):
        return None
    if found := unreadable(path, *user):
        place, status = found
        return (
            f"{what}: cannot read {place} (mode {stat.S_IMODE(status.st_mode):04o}, owner"
            f" {status.st_uid}:{status.st_gid})"
        )
    return None


def readers(compose, secret):
    """The users other than root who read a secret."""
    found = set()
    for name, service in compose["services"].items():
        names = [one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])]
        if secret in names and not reads_everything(service, USERS[name][0]):
            found.add(USERS[name][0])
    return sorted(found)


def owners(compose):
    """{secret: uid that must own its file}: the only reader other than root."""
    found = {}
    for secret in compose["secrets"]:
        who = readers(compose, secret)
        if len(who) > 1:
            raise PreflightError(f"secret {secret} is read by the users {who}: with mode 0600 only one of them can "
                                 "read it")
        found[secret] = who[0] if who else 0
    return found


def report(compose, secrets):
    """Prints a line for each container; returns the number of unreadable files."""
    wrong = 0
    for name, service in compose["services"].items():
        things = list(given(compose, service, secrets))
        problems = [problem for what, path in things if (problem := look(what, path, service, USERS[name]))]
        wrong += len(problems)
        if things:
            print(f"{name:<16} user "
                  f"{USERS[name][0]:<6}"
                  f"{'cannot start correctly' if problems else 'reads ' + ', '.join(what for what, _ in things)}")
        for problem in problems:
            print(f"{'':<16}   {problem}")
    return wrong


def advise(compose, secrets):
    print("\nSet the owner of each secret to the user who reads it (as root; --mend does this):")
    for secret, uid in owners(compose).items():
        print(f"  chown {uid}:{uid} {secrets / secret} && chmod 0600 {secrets / secret}")
    print("or, without root, restrict the folder and make the files in it readable; no other user of this "
          "machine can enter the folder:\n"
          f"  chmod 0700 {secrets} && chmod 0444 {secrets}/*\n"
          f"Files of the repository that cannot be read: chmod -R a+rX {REPOSITORY}/deploy {REPOSITORY}/monitoring "
          f"{REPOSITORY}/load-test")


def mend(compose, secrets):
    if os.geteuid() != 0:
        raise PreflightError("--mend changes owners: run it as root")
    if secrets.resolve() == (REPOSITORY / "deploy/secrets.example").resolve():
        raise PreflightError("--mend does not change deploy/secrets.example; use it with your own secrets")
    for secret, uid in owners(compose).items():
        path = secrets / secret
        if path.is_file() and not path.is_symlink():
            os.chown(path, uid, uid)
            path.chmod(0o600)


def default_secrets(compose):
    """COUPOND_SECRETS from the environment or from .env, as in Compose; otherwise the folder that docker-compose.yml
    names."""
    if folder := os.environ.get("COUPOND_SECRETS"):
        return Path(folder)
    dotenv = REPOSITORY / ".env"
    if dotenv.is_file():
        if found := re.search(r"^COUPOND_SECRETS=['\"]?(.*?)['\"]?\s*$", dotenv.read_text(encoding="utf-8"), re.M):
            return REPOSITORY / found[1]
    first = next(iter(compose["secrets"].values()))["file"]
    return REPOSITORY / Path(re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", first)).parent


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev compose-check", description=__doc__.splitlines()[0])
    parser.add_argument("--secrets", type=Path, metavar="DIR",
                        help="the folder of the secrets (COUPOND_SECRETS, otherwise deploy/secrets.example)")
    parser.add_argument("--mend", action="store_true",
                        help="as root: set the owner of each secret to the user who reads it, and its mode to 0600")
    options = parser.parse_args(arguments)
    try:
        compose = load(REPOSITORY / "docker-compose.yml")
        secrets = options.secrets or default_secrets(compose)
        if not secrets.is_dir():
            raise PreflightError(f"{secrets} is not a folder")
        if options.mend:
            mend(compose, secrets)
        if wrong := report(compose, secrets):
            advise(compose, secrets)
            print(f"\n{wrong} files cannot be read: these containers would restart again and again.",
                  file=sys.stderr)
            return 1
        print("\nEverything can be read.")
    except (PreflightError, OSError) as error:
        print(f"./dev compose-check: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
