#!/usr/bin/env python3
"""Installs the Debian package in a separate root, uses it, and purges it: ./dev package --check

    check.py PACKAGE [--forget]

debootstrap creates the root, with the release of this machine and the dependencies of the package. It is kept below
build/package for the next run; each run works on a copy, which is removed at the end. --forget creates it anew. Needs
root, and the groups `package` and `package-check` of packages.txt.
"""

import argparse
import hashlib
import http.client
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path += [str(HERE.parent / "containers"), str(HERE.parent / "support")]

import namespaces  # noqa: E402
import servers  # noqa: E402
from bash_completion import Bash  # noqa: E402
from progress import CheckFailed, check, say, step, wait_until  # noqa: E402

NEEDED_MIB = 2048
ADDRESS = "127.0.0.1:8080"  # in its own network namespace
DATA = "/var/lib/coupond"
SERVICES = ("coupond-issuer.service", "coupond-persister.service", "coupond-gateway@.service")
BESIDE = ("man-db", "bash-completion")
# Files that Debian's programs leave when a package is installed and purged.
NOT_OURS = re.compile(r"/run/systemd/|/var/(log/|cache/(man|ldconfig|debconf)/|lib/dpkg/[^/]+$)"
                      r"|/etc/(passwd|group|shadow|gshadow)-$|/etc/\.pwd\.lock$")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev package --check", description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--forget", action="store_true", help="create the root anew")
    return parser.parse_args(arguments)


# --- the root ---


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


def depended_on(package):
    """The first alternative of each dependency."""
    names = [alternatives.split("|")[0].split("(")[0].strip() for alternatives in field(package, "Depends").split(",")]
    return sorted({*names, *BESIDE})


def release():
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def make_base(package, forget):
    """A minimal Debian with the dependencies of the package; created once for the same names."""
    names = depended_on(package)
    key = hashlib.sha256(" ".join([release(), *names]).encode()).hexdigest()[:12]
    base = REPOSITORY / f"build/package/root-{key}"
    if forget:
        shutil.rmtree(base, ignore_errors=True)
    if base.exists():
        return base
    making = base.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.parent.mkdir(parents=True, exist_ok=True)
    with step(f"debootstrap {release()} → {base.relative_to(REPOSITORY)} (once)"), namespaces.outside():
        servers.run_logged(["debootstrap", "--variant=minbase", f"--include={','.join(names)}", release(), str(making),
                            servers.apt_mirror()], base.with_suffix(".log"))
    shutil.rmtree(making / "var/cache/apt/archives", ignore_errors=True)
    making.rename(base)
    return base


class Root:
    """A copy of the base with mounts that only this process and its children see."""

    def __init__(self, base, folder):
        self.folder = folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", base, self.folder], check=True)
        for kind, place in (("proc", "proc"), ("tmpfs", "dev"), ("tmpfs", "tmp")):
            (self.folder / place).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", kind, "none", self.folder / place], check=True)
        for device in ("null", "zero", "full", "random", "urandom", "tty"):
            subprocess.run(["cp", "-a", f"/dev/{device}", self.folder / "dev"], check=True)

    def command(self, *words, user=None):
        return ["chroot", *([f"--userspec={user}"] if user else []), str(self.folder), *map(str, words)]

    def run(self, *words, check_status=True, **environment):
        """The command's standard output; a status other than 0 fails with its output."""
        result = subprocess.run(self.command(*words), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                                  "DEBIAN_FRONTEND": "noninteractive", **environment})
        check(not check_status or result.returncode == 0,
              f"{' '.join(map(str, words))}: status {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def path(self, inside):
        return self.folder / inside.lstrip("/")

    def listing(self):
        """{path: its metadata}; for files in /etc also a hash of the content."""
        found = {}
        for folder, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if not os.path.ismount(os.path.join(folder, name))]
            for name in folders + files:
                path = Path(folder, name)
                inside = "/" + str(path.relative_to(self.folder))
                status = path.lstat()
                is_setting = inside.startswith("/etc/") and path.is_file() and not path.is_symlink()
                content = path.read_bytes() if is_setting else b""
                found[inside] = (status.st_mode, status.st_uid, status.st_gid, hashlib.sha256(content).hexdigest())
        return found


def differences(before, after):
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path) or NOT_OURS.match(path):
            continue
        yield f"{'left' if path not in before else 'missing' if path not in after else 'changed'}: {path}"


# --- the stages ---


def examine(package):
    """Runs lintian, if installed."""
    if not shutil.which("lintian"):
        say("lintian is not installed; its checks are left out")
        return
    with step("lintian"):
        told = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], capture_output=True,
                              text=True, check=False)
        check(told.returncode == 0, f"lintian:\n{told.stdout}{told.stderr}")


def install(root, package):
    with step("install it"):
        shutil.copy(package, root.path("/tmp/coupond.deb"))
        root.run("dpkg", "-i", "/tmp/coupond.deb")
    check(root.run("coupond", "--version") == f"coupond {field(package, 'Version').rpartition('-')[0]}\n",
          "coupond --version differs from the package's")
    status = root.path("/etc/coupond").stat()
    check(status.st_mode & 0o7777 == 0o750, f"/etc/coupond has the mode {status.st_mode & 0o7777:o}")
    check("coupond" in root.run("stat", "-c", "%G", "/etc/coupond/coupond.conf"),
          "coupond.conf does not belong to the group coupond")
    for service in SERVICES:
        state = root.run("systemctl", "is-enabled", service, check_status=False).strip()
        check(state == "disabled", f"{service} is {state or 'unknown'} after the installation")
    root.run("systemd-analyze", "verify", "--man=no",
             *(f"/usr/lib/systemd/system/{service}".replace("@.", "@8080.") for service in SERVICES))


def read_pages(root):
    for page, word in (("coupond", "coupond issues coupons"), ("coupond.conf", "issuer/journal_dir")):
        text = root.run("man", "--warnings=w", page, MANPAGER="cat", MANWIDTH="100")
        check(word in " ".join(text.split()), f"man {page} does not say \"{word}\":\n{text[:500]}")
        say(f"    man {page}: {len(text.splitlines())} lines")


def complete(root):
    """Tests the completions through bash-completion's loader, in the root."""
    with Bash("/usr/share/bash-completion/bash_completion", "/", command=root.command("bash")) as bash:
        offered = bash.offers("coupond dead-letter ")
        check(offered[-2:] == ["list", "retry"], f"bash completes \"coupond dead-letter \" to {offered}")
        offered = bash.offers("coupond dev --set log/level=")
        check(offered[-1] == "warn", f"bash completes the values of log/level to {offered}")


def ask(method, path, body=None):
    """(status, body); (0, {}) if there is no answer."""
    connection = http.client.HTTPConnection(ADDRESS, timeout=20)
    try:
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    except OSError:
        return 0, {}
    finally:
        connection.close()


def is_served(path):
    connection = http.client.HTTPConnection(ADDRESS, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def use(root):
    root.run("install", "-d", "-o", "coupond", "-g", "coupond", "-m", "0750", DATA)  # like StateDirectory=
    log = root.path("/tmp/dev.log")
    with open(log, "wb") as out:
        dev = subprocess.Popen(root.command("coupond", "dev", "--dir", DATA, "--http", ADDRESS, user="coupond:coupond"),
                               stdout=out, stderr=out)
    try:
        wait_until(lambda: ask("GET", "/readyz")[0] == 200, 60, lambda: f"coupond dev is ready:\n{log.read_text()}")
        first, second = (ask("POST", "/v1/coupons/A0001/issues", {"user_id": "alice"}) for _ in range(2))
        check(first[0] == 201 and first[1]["sequence"] == 1, f"the first issue: {first}")
        check(second[0] == 409 and second[1]["code"] == "already_issued", f"the second issue: {second}")
        say(f"    the first issue: 201, sequence {first[1]['sequence']}; the second: 409 {second[1]['code']}")
        check(is_served("/docs/start.js"), "the package was built without Swagger UI")
        check(is_served("/pages/charts/LICENSE"), "the package was built without uPlot")
        check(root.run("coupond", "health", "gateway", "--set", f"gateway/http={ADDRESS}").startswith("gateway: ready"),
              "health gateway is not ready")
    finally:
        dev.send_signal(signal.SIGTERM)
        status = dev.wait(60)
    check(status == 0, f"coupond dev ended with status {status}:\n{log.read_text()}")
    root.run("coupond", "verify", "--dir", DATA)


def change_and_upgrade(root):
    """The administrator's changes are kept."""
    config = root.path("/etc/coupond/coupond.conf")
    changed = config.read_text(encoding="utf-8") + "#   ours\n"
    config.write_text(changed, encoding="utf-8")
    root.path("/etc/coupond/admin_token").write_text("secret\n", encoding="utf-8")
    root.run("systemctl", "enable", "coupond-issuer", "coupond-gateway@8080")
    root.run("dpkg", "-i", "/tmp/coupond.deb")
    check(config.read_text(encoding="utf-8") == changed, "an upgrade has changed coupond.conf")
    check(root.run("stat", "-c", "%a %G", "/etc/coupond/admin_token").split() == ["640", "coupond"],
          "an upgrade changes the owner or mode of admin_token")


def remove_and_purge(root):
    root.run("dpkg", "-r", "coupond")
    check(not root.path("/usr/bin/coupond").exists(), "the program exists after its removal")
    check(root.path(f"{DATA}/coupond.db").exists() and root.path("/etc/coupond/coupond.conf").exists(),
          "the removal deletes data or configuration")
    root.run("dpkg", "-P", "coupond")


def main(options, folder):
    package = options.package.resolve()
    try:
        check(package.exists(), f"{package} does not exist")
        free = shutil.disk_usage(REPOSITORY / "build").free >> 20
        check(free >= NEEDED_MIB, f"{NEEDED_MIB} MiB are needed below {REPOSITORY / 'build'}, and {free} are free")
        examine(package)
        base = make_base(package, options.forget)
        with step("copy the root"):
            root = Root(base, folder)
        root.run("mandb", "--quiet", "--create")
        before = root.listing()
        install(root, package)
        with step("its pages and its completion"):
            read_pages(root)
            complete(root)
        with step("coupond dev"):
            use(root)
        with step("install it again over a changed configuration"):
            change_and_upgrade(root)
        with step("remove and purge it"):
            remove_and_purge(root)
            left = list(differences(before, root.listing()))
            check(not left, "files left by the purge:\n    " + "\n    ".join(left))
        say(f"{package.name}: installed, used and purged; "
            f"the same {len(before)} files and folders exist as before")
        return 0
    except (CheckFailed, servers.ServerError) as failure:
        say(f"FAILED: {failure}")
        return 1


def in_namespaces(options):
    """The mounts end with the namespaces; the copy is always removed out here."""
    (REPOSITORY / "build/package").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="check-", dir=REPOSITORY / "build/package") as folder:
        return namespaces.enter(lambda: main(options, Path(folder)))


if __name__ == "__main__":
    asked = parse(sys.argv[1:])
    if os.geteuid() != 0:
        sys.exit("./dev package --check: needs root to create namespaces and a separate root directory")
    sys.exit(in_namespaces(asked))
