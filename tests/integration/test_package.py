"""The manual pages, the completion for bash and the Debian package. ./dev package --check installs the package."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bash_completion import Bash
from cluster import REPOSITORY, binary, environment, run_coupond

pytestmark = pytest.mark.once("checks what is installed")

PAGES = ["coupond.1", "coupond.conf.5"]
FILES = """
-rw-r--r-- /etc/coupond/coupond.conf
-rwxr-xr-x /usr/bin/coupond
-rw-r--r-- /usr/lib/systemd/system/coupond-gateway@.service
-rw-r--r-- /usr/lib/systemd/system/coupond-issuer.service
-rw-r--r-- /usr/lib/systemd/system/coupond-persister.service
-rw-r--r-- /usr/lib/sysusers.d/coupond.conf
-rw-r--r-- /usr/lib/tmpfiles.d/coupond.conf
-rw-r--r-- /usr/share/bash-completion/completions/coupond
-rw-r--r-- /usr/share/doc/coupond/changelog.Debian.gz
-rw-r--r-- /usr/share/doc/coupond/changelog.gz
-rw-r--r-- /usr/share/doc/coupond/copyright
-rw-r--r-- /usr/share/lintian/overrides/coupond
-rw-r--r-- /usr/share/man/man1/coupond.1.gz
-rw-r--r-- /usr/share/man/man5/coupond.conf.5.gz
""".strip().splitlines()


def build_folder():
    return Path(binary()).parents[1]


def manual(name):
    path = build_folder() / "coupond/manual" / name
    if not path.exists():
        pytest.skip("the program is not in a build folder")
    return path


def commands():
    """{command: its --help}"""
    listed = run_coupond("--help").stdout.split("\n\n")[2]
    return {name: run_coupond(name, "--help").stdout for name in re.findall(r"^  (\S+) ", listed, re.M)}


def rows_of(help_text):
    """(option, whether it takes a value) of a command's --help."""
    return [(name, bool(value)) for name, value in re.findall(r"^  (--[\w-]+)(?: (\S+))?(?:  |$)", help_text, re.M)]


def config_options():
    return re.findall(r"^\| `([\w/]+)` \|", run_coupond("--help-config=markdown").stdout, re.M)


# --- help ---


def test_every_option_of_a_command_is_in_its_help():
    told = commands()
    sources = [*(REPOSITORY / "coupond").glob("cmd_*.c"), *(REPOSITORY / "coupond").glob("*/cmd*.c")]
    seen = 0
    for source in sources:
        text = source.read_text(encoding="utf-8")
        parsed = re.search(r"struct argument own\[\] = \{(.*?)\};", text, re.S)
        name = re.search(r'\.name = "([\w-]+)"', text)
        for option in re.findall(r'"(--[\w-]+)"', parsed[1]) if parsed else []:
            assert option in dict(rows_of(told[name[1]])), f"{name[1]} --help does not mention {option}"
            seen += 1
    assert seen >= 14


def test_every_option_in_a_command_s_help_is_accepted():
    for command, help_text in commands().items():
        rows = rows_of(help_text)
        assert ("--help", False) in rows
        for option, takes_value in rows:
            result = run_coupond(command, *([option, "-"] if takes_value else [option]), "--help")
            assert not re.search("unknown option|no such option|takes no value|is missing",
                                 result.stderr), result.stderr


# --- pages ---


def warnings_of(page):
    """The findings of groff, man and mandoc, if installed."""
    for command in (["groff", "-man", "-ww", "-Tutf8", page], ["groff", "-man", "-ww", "-Tascii", page],
                    ["man", "--warnings", "-E", "UTF-8", "-l", page], ["mandoc", "-T", "lint", page]):
        if shutil.which(command[0]):
            result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                                    env={**environment(), "MANPAGER": "cat"})
            yield from (result.stdout + result.stderr if command[0] == "mandoc" else result.stderr).splitlines()


@pytest.mark.parametrize("name", PAGES)
def test_pages_render_without_warnings(name):
    assert list(warnings_of(manual(name))) == []


def test_an_invalid_page_is_detected(tmp_path):
    page = tmp_path / "wrong.1"
    page.write_text(manual("coupond.1").read_text() + ".NO_SUCH_MACRO\n")
    assert any("NO_SUCH_MACRO" in line for line in warnings_of(page))


def rendered(name):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    return subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", "-rLL=200n", manual(name)], capture_output=True,
                          text=True, check=True).stdout


def test_the_page_of_the_program_has_every_command_and_option():
    text = rendered("coupond.1")
    assert "@" not in re.sub(r"coupond-gateway@8080", "", text), "a placeholder of the template was not replaced"
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "FILES", "ENVIRONMENT",
                    "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        assert re.search(rf"^{section}$", text, re.M), section
    for command, help_text in commands().items():
        part = re.search(rf"^   {command}$(.*?)^(?:   )?\S", text, re.M | re.S)[1]
        for option, _ in rows_of(help_text):
            in_usage = (f"[{option}", f"coupond {command} {option}")
            assert option == "--help" or any(words in part for words in in_usage), f"{command}: {option}"
            assert re.search(rf"^       {option}\b", text, re.M), f"{option} is not described"


def test_the_page_of_the_configuration_has_every_option_with_its_default():
    text = rendered("coupond.conf.5")
    defaults = dict(re.findall(r"^\| `([\w/]+)` \| (?:`([^`]*)`)? \|",
                               run_coupond("--help-config=markdown").stdout, re.M))
    assert len(defaults) > 40
    for option, default in defaults.items():
        part = re.search(rf"^       {option}$(.*?)^ {{0,7}}\S", text, re.M | re.S)
        assert part, f"{option} is missing"
        assert (f"by default {default}." if default else "empty by default.") in " ".join(part[1].split()), option


# --- completion ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("completed")
    (path / "some.conf").touch()
    (path / "data").mkdir()
    return path


@pytest.fixture(scope="module")
def bash(folder):
    with Bash(manual("coupond.bash"), folder) as shell:
        yield shell


def test_the_completion_is_valid_bash():
    completion = manual("coupond.bash")
    subprocess.run(["bash", "-n", completion], check=True)
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", completion], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_bash_completes_commands_and_their_options(bash):
    told = commands()
    assert set(bash.offers("coupond ")) == {"coupond", *told, "--help", "--help-config", "--help-config=markdown",
                                            "--version"}
    for command, help_text in told.items():
        assert set(bash.offers(f"coupond {command} --")) == {"coupond", command, *dict(rows_of(help_text))}


def test_bash_completes_names_of_options(bash):
    assert set(bash.offers("coupond issuer --set ")) == {"coupond", "issuer", "--set",
                                                         *(f"{name}=" for name in config_options())}


@pytest.mark.parametrize("line, last", [
    ("coupond pers", ["persister"]),
    ("coupond dev --config ", ["data", "some.conf"]),
    ("coupond dev --config=so", ["--config=some.conf"]),
    ("coupond dev --dir ", ["data"]),
    ("coupond dev --http ", ["--http"]),
    ("coupond dev --http 127.0.0.1:80 --di", ["--dir"]),
    ("coupond dev --set log/level=", ["log/level=debug", "error", "info", "warn"]),
    ("coupond dev --set=log/level=w", ["--set=log/level=warn"]),
    ("coupond dev --set gateway/public_metrics=", ["gateway/public_metrics=0", "1"]),
    ("coupond dev --set store/path=so", ["store/path=some.conf"]),
    ("coupond dev --set gateway/thr", ["gateway/threads="]),
    ("coupond dead-letter ", ["list", "retry"]),
    ("coupond dead-letter list --js", ["--json"]),
    ("coupond journal check ", ["data"]),
    ("coupond health --live g", ["gateway"]),
    ("coupond keygen ", ["data", "some.conf"]),
    ("coupond nonsense ", ["nonsense"]),
    ("coupond keygen -- ", ["--", "data", "some.conf"]),
    ("coupond journal -- check ", ["check", "data"]),
    ("coupond dead-letter -- ", ["--", "list", "retry"]),
    ("coupond dead-letter -- --", ["--", "--"]),
    ("coupond verify -- ", ["verify", "--"]),
    ("coupond dev --config -- --di", ["--", "--dir"]),
])
def test_bash_completes(bash, line, last):
    assert bash.offers(line)[-len(last):] == last


def test_bash_completes_where_a_word_does_not_end_at_an_equals_sign(folder):
    with Bash(manual("coupond.bash"), folder, breaks_at_equals=False) as bash:
        assert bash.offers("coupond dev --set=log/level=w")[-1] == "--set=log/level=warn"
        assert bash.offers("coupond dev --set issuer/sync=a")[-1] == "issuer/sync=always"


# --- package ---


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if not shutil.which("dpkg-shlibdeps") or not (build_folder() / "CPackConfig.cmake").exists():
        pytest.skip("Debian packages cannot be built here")
    path = tmp_path_factory.mktemp("package")
    made = subprocess.run(["cpack", "-G", "DEB", "--config", build_folder() / "CPackConfig.cmake", "-B", path],
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    [found] = path.glob("*.deb")
    return found


def of_package(package, *arguments):
    return subprocess.run(["dpkg-deb", *arguments[:1], package, *arguments[1:]], capture_output=True, text=True,
                          check=True).stdout


def test_the_package_has_these_files_and_no_others(package):
    lines = [line.split() for line in of_package(package, "--contents").splitlines()]
    assert {line[1] for line in lines} == {"root/root"}
    assert [f"{line[0]} {line[5][1:]}" for line in sorted(lines, key=lambda line: line[5])
            if not line[5].endswith("/")] == FILES
    assert {line[0] for line in lines if line[5].endswith("/")} == {"drwxr-xr-x"}


def test_the_package_has_its_metadata(package):
    version = run_coupond("--version").stdout.split()[1]
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True,
                                  check=True).stdout.strip()
    assert package.name == f"coupond_{version}-1_{architecture}.deb"
    assert of_package(package, "-f", "Version").strip() == f"{version}-1"
    depends = of_package(package, "-f", "Depends")
    for library in ("libc6 ", "libzmq5 ", "libsqlite3-0 ", "libuv1", "systemd | systemd-standalone-sysusers"):
        assert library in depends
    assert of_package(package, "-I", "conffiles").split() == ["/etc/coupond/coupond.conf"]


def test_the_package_s_units_start_its_program(package, tmp_path):
    of_package(package, "-x", str(tmp_path))
    units = sorted((tmp_path / "usr/lib/systemd/system").iterdir())
    for unit in units:
        started = re.search(r"^ExecStart=(\S+)", unit.read_text(), re.M)[1]
        assert (tmp_path / started[1:]).exists(), f"{unit.name} starts {started}"
    assert "/usr/local" not in "".join(unit.read_text() for unit in units)


def test_the_scripts_of_the_package_are_valid(package, tmp_path):
    of_package(package, "-e", str(tmp_path))
    for name in ("postinst", "prerm", "postrm"):
        script = tmp_path / name
        assert script.stat().st_mode & 0o777 == 0o755
        subprocess.run(["sh", "-n", script], check=True)


def test_the_check_detects_files_left_by_a_purge():
    script = ("import sys; sys.path.insert(0, sys.argv[1]); import check\n"
              "print(*check.differences({'/a': 1, '/b': 1, '/c': 1}, "
              "{'/a': 1, '/b': 2, '/var/lib/coupond': 1, '/etc/passwd-': 1}), sep='\\n')")
    told = subprocess.run([sys.executable, "-c", script, REPOSITORY / "tests/package"], capture_output=True, text=True,
                          check=True, env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"})
    assert told.stdout.splitlines() == ["changed: /b", "missing: /c", "left: /var/lib/coupond"]
