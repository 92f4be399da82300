"""The images that docker-compose.yml names: coupond's image from the real Dockerfile, the others replaced by stand-ins
from Debian's packages.

`prepare(engine)` builds missing and outdated images, with the engine in the outside network. debootstrap creates
Debian's base images from the mirror of this machine's apt. A stand-in has a label with the hash of its sources, and is
kept until they change.
"""

import contextlib
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from engine import tool
from progress import CheckFailed, step

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SOURCES = HERE / "images"
LABEL = "coupond.made-from"

sys.path.append(str(HERE.parent / "support"))
import servers  # tests/support

# repository of the image in docker-compose.yml: (Dockerfile, target, description)
STANDINS = {
    "haproxy": ("Dockerfile", "haproxy", "Debian 12's haproxy"),
    "redis": ("Dockerfile", "redis", "Debian 12's redis-server"),
    "prom/prometheus": ("Dockerfile", "prometheus", "Debian 12's prometheus"),
    "prom/alertmanager": ("Dockerfile", "alertmanager", "Debian 12's prometheus-alertmanager"),
    "prom/mysqld-exporter": ("Dockerfile", "mysqld-exporter",
                             "Debian 12's prometheus-mysqld-exporter, with its own way to pass the address"),
    "oliver006/redis_exporter": ("Dockerfile", "redis-exporter", "Debian 12's prometheus-redis-exporter"),
    "grafana/grafana": ("Dockerfile", "grafana",
                        "a program that reads the files that Grafana would read, and answers its health check"),
    "mysql": ("Dockerfile.mysql", None,
              "Debian sid's mysql-server-core, with an entry point like the official image's"),
}
SID = "coupond-standin/sid-mysql"
BUILT = "coupond-standin/built"
SYSTEMD = "coupond-standin/systemd"


def names(compose):
    """{repository: full name} of all images of the Compose file except those of the load test's profile."""
    found = {service["image"]
             for service in compose["services"].values() if "load-test" not in service.get("profiles", [])}
    return {image.rsplit(":", 1)[0]: image for image in found}


def prepare(engine):
    """Builds all images; returns a description of each, for the summary."""
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    wanted = names(compose)
    make_base(engine, base_of_dockerfile(), "bookworm")
    make_base(engine, SID, "sid", "mysql-server-core,mysql-client-core")
    make_coupond(engine, wanted.pop("coupond"))
    if unknown := sorted(set(wanted) - set(STANDINS)):
        raise CheckFailed(f"docker-compose.yml names images without a stand-in: {', '.join(unknown)}; see "
                          "tests/containers/images.py")
    for repository, (dockerfile, target, _) in STANDINS.items():
        build(engine, wanted[repository], SOURCES / dockerfile, target)
    build(engine, SYSTEMD, SOURCES / "Dockerfile.systemd", arguments={"LIBRARIES": " ".join(libraries())})
    return {wanted[repository]: what for repository, (_, _, what) in STANDINS.items()}


def base_of_dockerfile():
    """The base image of the real Dockerfile."""
    return re.search(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"), re.M)[1]


def make_base(engine, image, suite, packages=""):
    """A minimal Debian, created by debootstrap and imported as an image; it is never rebuilt."""
    if engine.docker("image", "inspect", image, check=False).returncode == 0:
        return
    with step(f"debootstrap {suite} → {image} (once)"), empty_folder(engine.directory / "debootstrap") as tree:
        log = engine.directory / f"debootstrap-{suite}.log"
        more = [f"--include={packages}"] if packages else []
        try:
            servers.run_logged([tool("debootstrap"), "--variant=minbase", *more, suite, str(tree),
                                servers.apt_mirror()], log)
        except servers.ServerError as error:
            raise CheckFailed(f"no Debian {suite} for {image}: {error}") from None
        subprocess.run(["chroot", str(tree), "apt-get", "clean"], check=True)
        engine.run(["bash", "-o", "pipefail", "-c", 'tar -C "$1" --one-file-system -c . | "$2" import - "$3"', "import",
                    str(tree), tool("docker"), image])


@contextlib.contextmanager
def empty_folder(path):
    """A folder that exists during a with block; the next run removes that of a killed run."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def make_coupond(engine, image):
    """The stage that builds the program gets its own name, so that its packages are kept for the next run."""
    with step(f"docker build: the Dockerfile → {image}"):
        built = engine.docker("build", "--network", "host", "--target", "build", "-t", BUILT, REPOSITORY, timeout=3600)
        result = engine.docker("build", "--network", "host", "-t", image, REPOSITORY, timeout=3600)
    (engine.directory / "build.log").write_text(built.stdout + result.stdout)


def libraries():
    """The packages that the Dockerfile installs for the program."""
    last = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    installed = re.search(r"apt-get install -y --no-install-recommends \\\n(.*?)&&", last, re.S)[1]
    return installed.replace("\\", " ").split()


def build(engine, image, dockerfile, target=None, arguments=None):
    """Builds one of our images, unless it was built from the same files on the same base."""
    more = ["--target", target] if target else []
    for name, value in (arguments or {}).items():
        more += ["--build-arg", f"{name}={value}"]
    if engine.image_label(image, LABEL) == (made_from := digest(engine, dockerfile, more)):
        return
    with step(f"docker build: {dockerfile.name}{f' ({target})' if target else ''} → {image}"):
        engine.docker("build", "--network", "host", "-f", dockerfile, "--label", f"{LABEL}={made_from}", *more, "-t",
                      image, SOURCES, timeout=3600)


def digest(engine, dockerfile, arguments):
    """A hash of all sources of an image."""
    text = hashlib.sha256(repr(arguments).encode())
    for path in sorted(SOURCES.iterdir()):
        if path == dockerfile or not path.name.startswith(("Dockerfile", "README")):
            text.update(path.read_bytes())
    base = re.search(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.M)[1]
    text.update(engine.docker("image", "inspect", "-f", "{{.Id}}", base).stdout.encode())
    return text.hexdigest()
