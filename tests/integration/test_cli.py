"""The command line: its output, its refusals, and its exit statuses."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from cluster import REPOSITORY, Cluster, binary, environment, run_coupond, wait_until, Member
from ports import free_port

ROLES = ["dev", "gateway", "issuer", "persister"]
COMMANDS = [*ROLES, "verify", "dead-letter", "journal", "top", "health", "bench"]


def assert_refused(result, *words, status=2):
    """Asserts one line of error that contains all the words, and nothing on standard output."""
    assert result.returncode == status, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def last_line(result):
    return result.stderr.splitlines()[-1]


def check_config(*arguments, role="issuer", **variables):
    return subprocess.run([binary(), role, "--check-config", *arguments], capture_output=True, text=True,
                          env={**environment(), **variables}, check=False)


# --- help and version


def test_help_names_every_command():
    for word in ("--help", "-h", "help"):
        result = run_coupond(word)
        assert result.returncode == 0
        for command in COMMANDS:
            assert re.search(rf"^  {command}\s", result.stdout, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command):
    result = run_coupond(command, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: coupond {command}")


def test_version_is_one_line():
    result = run_coupond("--version")
    assert result.returncode == 0
    assert re.fullmatch(r"coupond \d+\.\d+\.\d+\n", result.stdout)


def test_help_config_reads_back_to_the_defaults(tmp_path):
    text = run_coupond("--help-config").stdout
    path = tmp_path / "coupond.conf"
    path.write_text(text)
    result = check_config("--config", str(path))
    assert result.returncode == 0, result.stderr
    assert result.stdout == "the configuration is valid\n"


def test_help_config_and_markdown_have_the_same_options_and_defaults():
    section, plain = None, []
    for line in run_coupond("--help-config").stdout.splitlines():
        if re.fullmatch(r"\w+", line):
            section = line
        elif found := re.fullmatch(r'    (\w+) = "?([^"]*)"?', line):
            plain.append((f"{section}/{found[1]}", found[2]))
    table = [(found[1], found[2] or "") for line in run_coupond("--help-config=markdown").stdout.splitlines()
             if (found := re.match(r"\| `([^`]+)` \| (?:`([^`]*)`)? \|", line))]
    assert len(plain) > 40
    assert table == plain


def test_the_page_on_configuration_has_the_program_s_options():
    """The Korean page: test_options_korean.py."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    found = re.search(r"^<!-- options -->\n(.*?)^<!-- /options -->$", text, re.M | re.S)
    assert found, "the lines <!-- options --> and <!-- /options --> are missing"
    table = "".join(line + "\n" for line in found[1].splitlines() if line.startswith("|"))
    printed = run_coupond("--help-config=markdown").stdout
    assert table == printed, "./dev fmt pastes what coupond --help-config=markdown prints"


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([binary(), "--help-config"], stdout=full, stderr=subprocess.PIPE, text=True,
                                env=environment(), check=False)
    assert result.returncode == 1
    assert "cannot write to standard output: No space left on device" in result.stderr


def test_the_program_is_installed_into_bin(tmp_path):
    build = Path(binary()).parents[1]
    if not (build / "cmake_install.cmake").exists():
        pytest.skip("the program is not in a build folder")
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], capture_output=True, check=True)
    assert subprocess.run([tmp_path / "bin/coupond", "--version"], capture_output=True,
                          check=True).stdout.startswith(b"coupond ")


def test_an_unknown_section_in_a_variable_is_a_warning():
    result = check_config(COUPOND_STROE_TYPE="mysql", COUPOND_SECRETS="/run/secrets", COUPOND_LOAD_SCENARIO="rush")
    assert result.returncode == 0, result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert "COUPOND_STROE_TYPE is not an option and has no effect; did you mean COUPOND_STORE_TYPE?" in result.stderr


# --- refused arguments


def test_a_command_is_required():
    result = run_coupond()
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("coupond: a command is missing\n\nusage: coupond COMMAND")
    assert all(f"\n  {role} " in result.stderr for role in ROLES)


def test_unknown_commands_and_options_are_named():
    assert_refused(run_coupond("isuer"), "unknown command isuer; did you mean issuer?", "--help")
    assert_refused(run_coupond("--help-config=foo"), "--help-config takes no value but markdown;")
    assert_refused(run_coupond("--version=1"), "--version takes no value;")
    assert_refused(run_coupond("help=1"), "help takes no value;")
    assert_refused(run_coupond("--verson"), "unknown option --verson; did you mean --version?", "--help")
    assert_refused(run_coupond("--version", "now"), "--version takes no arguments")


@pytest.mark.parametrize("option", ["events", "acks"])
def test_an_endpoint_that_cannot_be_connected_to_is_named_once(tmp_path, option):
    result = run_coupond("persister", "--set", f"store/path={tmp_path}/coupond.db", "--set", "persister/http=", "--set",
                         f"persister/{option}=tcp://a b:7200")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == f"coupond persister: persister/{option}: cannot connect to tcp://a b:7200"


@pytest.mark.parametrize("role", ROLES)
def test_roles_refuse_unknown_arguments(role):
    assert_refused(run_coupond(role, "--confg", "x"), f"coupond {role}:",
                   "unknown option --confg; did you mean --config?")
    assert_refused(run_coupond(role, "--config"), "--config: a value is missing")
    assert_refused(run_coupond(role, "--config", "a", "--config", "b"), "--config is given twice")
    assert_refused(run_coupond(role, "now"), "argument 1 is unexpected")


@pytest.mark.parametrize("role", ROLES)
def test_the_default_configuration_is_valid(role):
    assert check_config(role=role).returncode == 0


# --- starts that fail


def isolated(tmp_path, **options):
    """Options of roles that touch nothing outside the directory."""
    base = {"issuer/requests": f"ipc://{tmp_path}/requests", "issuer/events": f"ipc://{tmp_path}/events",
            "issuer/acks": f"ipc://{tmp_path}/acks", "issuer/journal_dir": f"{tmp_path}/journal", "issuer/http": "",
            "persister/http": "", "store/path": f"{tmp_path}/coupond.db", "gateway/http": f"127.0.0.1:{free_port()}",
            "gateway/operator_http": ""}
    base.update({name.replace("__", "/"): value for name, value in options.items()})
    return [f"--set={name}={value}" for name, value in base.items()]


def assert_start_fails(role, arguments, *words):
    result = run_coupond(role, *arguments)
    assert result.returncode == 1, result
    assert last_line(result).startswith(f"coupond {role}: ")
    for word in words:
        assert word in last_line(result)


@pytest.mark.parametrize("role", ["gateway", "issuer", "persister"])
def test_a_port_in_use_is_named(tmp_path, role):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:{}".format(taken.getsockname()[1])
        assert_start_fails(role, isolated(tmp_path, **{f"{role}__http": address}), address, "Address already in use")


def test_an_endpoint_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = "tcp://127.0.0.1:{}".format(taken.getsockname()[1])
        assert_start_fails("issuer", isolated(tmp_path, issuer__requests=endpoint), endpoint, "Address already in use")


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    journal = f"{tmp_path}/file/journal"
    assert_start_fails("issuer", isolated(tmp_path, issuer__journal_dir=journal), f"{tmp_path}/file", "Not a directory")
    assert_start_fails("dev", ["--dir", f"{tmp_path}/file/var"], f"{tmp_path}/file", "Not a directory")
    assert_start_fails("persister", isolated(tmp_path, store__path=f"{tmp_path}/file/coupond.db"),
                       f"cannot create the folder {tmp_path}/file: Not a directory", "store/path")


def test_a_folder_that_cannot_be_created_is_reported_with_its_option(tmp_path):
    assert_start_fails("dev", ["--dir", "/proc/x"], "--dir: cannot create the folder /proc/x", "name a folder")
    assert_start_fails("issuer", isolated(tmp_path, issuer__journal_dir="/proc/x"),
                       "issuer/journal_dir: cannot create the folder /proc/x", "name a folder")
    assert_start_fails("persister", isolated(tmp_path, store__path="/proc/x/coupond.db"),
                       "cannot create the folder /proc/x", "store/path")


# --- starts that succeed


def test_a_database_that_cannot_be_reached_is_named_and_waited_for(tmp_path):
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    options = isolated(tmp_path, store__type="mysql", store__port=port, persister__http=address)
    member = Member("persister", ["persister", *options], tmp_path, address)
    member.start()
    try:
        wait_until(lambda: f"127.0.0.1:{port}" in member.log(), member.log)
        member.check_alive()
        assert not member.is_ready()
        member.stop()
    finally:
        member.end()


def test_a_persister_creates_the_folder_of_its_store(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    options = isolated(tmp_path, store__path=f"{tmp_path}/var/lib/coupond.db", persister__http=address)
    assert run_coupond("verify", *options).returncode != 0
    assert not (tmp_path / "var").exists()
    member = Member("persister", ["persister", *options], tmp_path, address)
    member.start()
    try:
        wait_until((tmp_path / "var/lib/coupond.db").exists, member.log)
        member.stop()
    finally:
        member.end()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as attempt:
            attempt.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.parametrize("listen, reach", [
    ("127.0.0.1", "127.0.0.1"), ("*", "127.0.0.1"), ("127.0.0.1", "localhost"),
    pytest.param("[::1]", "[::1]", marks=pytest.mark.skipif(not has_ipv6(), reason="::1 is not available")),
    pytest.param("[::]", "127.0.0.1", marks=pytest.mark.skipif(not has_ipv6(), reason="::1 is not available")),
])
def test_roles_connect_over_tcp(tmp_path, listen, reach):
    ports = {"requests": free_port(), "events": free_port(), "acks": free_port()}
    options = {f"issuer/{name}": f"tcp://{listen}:{port}" for name, port in ports.items()}
    for option, name in (("gateway/requests", "requests"), ("persister/events", "events"), ("persister/acks", "acks")):
        options[option] = f"tcp://{reach}:{ports[name]}"
    cluster = Cluster(tmp_path)
    cluster.options.update(options)
    with cluster:
        cluster.create_coupon("X", 1)
        assert cluster.issue("X", "alice")[0] == 201
        cluster.wait_drained()


# --- dev


@pytest.fixture(name="dev")
def started_dev(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    member = Member("dev", ["dev", "--dir", str(tmp_path / "var"), "--http", address], tmp_path, address)
    member.start()
    try:
        wait_until(lambda: member.is_ready() and "Ctrl-C" in member.log(), "dev is up")
        yield member
    finally:
        member.end()


def curl_lines(member):
    return [line.strip() for line in member.log().splitlines() if line.startswith("  curl ")]


def run_curl(line):
    return subprocess.run(["bash", "-c", line + " -s -w '\\n%{http_code}'"], capture_output=True, text=True,
                          check=True).stdout.rsplit("\n", 1)


def test_dev_prints_three_curl_lines_that_work(dev):
    lines = curl_lines(dev)
    assert len(lines) == 3
    bodies, statuses = zip(*map(run_curl, lines))
    assert statuses == ("201", "200", "200")
    assert '"sequence":1' in bodies[0].replace(" ", "")
    assert bodies[0].strip() == bodies[1].strip()
    assert '"issued":1' in bodies[2].replace(" ", "")
    for line in lines:  # the shell's prompt starts on a new line
        assert subprocess.run(["bash", "-c", line + " -s"], capture_output=True, text=True,
                              check=True).stdout.endswith("}\n")


def test_dev_creates_its_samples_once(dev):
    for coupon, quantity in (("A0001", 300), ("B0001", 2000), ("C0001", 100000000)):
        status, text = dev.get(f"/v1/coupons/{coupon}")
        assert status == 200
        assert f'"quantity":{quantity}' in text.replace(" ", "")
    dev.stop()
    dev.start()
    wait_until(lambda: dev.is_ready() and dev.log().count("Ctrl-C") == 2, "dev is up again")
    assert dev.log().count("three sample coupons") == 1
    dev.stop()


def test_after_a_restart_dev_prints_working_curl_lines_and_how_to_start_over(dev):
    assert run_curl(curl_lines(dev)[0])[1] == "201"
    dev.stop()
    dev.start()
    wait_until(lambda: dev.is_ready() and dev.log().count("Ctrl-C") == 2, "dev is up again")
    lines = curl_lines(dev)[3:]
    assert [run_curl(line)[1] for line in lines] == ["201", "200", "200"]
    assert f"To start over, stop it and remove the folder {dev.arguments[2]}." in dev.log()
    dev.stop()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_dev_ends_in_order_at_a_signal(dev, signal_number):
    dev.process.send_signal(signal_number)
    assert dev.process.wait(60) == 0
    assert "stopped" in dev.log()
    dev.process = None


def test_dev_locks_its_directory(dev):
    directory = dev.arguments[2]
    assert_start_fails("dev", ["--dir", directory, "--http", f"127.0.0.1:{free_port()}"], "in use")


# --- journal


def test_journal_dump_prints_every_record(dev):
    directory = f"{dev.arguments[2]}/journal"
    assert run_curl(curl_lines(dev)[0])[1] == "201"
    text = run_coupond("journal", "dump", directory)
    assert text.returncode == 0
    assert [line.split()[3] for line in text.stdout.splitlines()] == ["coupon", "coupon", "coupon", "issue"]
    assert text.stdout.splitlines()[3].endswith("issue coupon=A0001 user=alice sequence=1 nth=1")
    lines = run_coupond("journal", "dump", "--json", f"{directory}/p00").stdout.splitlines()
    assert '"coupon_id":"A0001","user_id":"alice","sequence":1,"nth":1}' in lines[3]


def test_journal_check_accepts_an_intact_journal_and_names_a_flipped_byte(dev):
    directory = f"{dev.arguments[2]}/journal"
    live = run_coupond("journal", "check", directory)
    assert live.returncode == 0, live
    dev.stop()
    sound = run_coupond("journal", "check", directory)
    assert sound.returncode == 0
    assert re.search(r"p00: sound, partition 0 of 1, 3 records \(3 coupons, 0 issues, 0 changes\)", sound.stdout)
    [segment] = (os.path.join(directory, "p00", name) for name in os.listdir(f"{directory}/p00")
                 if name.endswith(".segment"))
    with open(segment, "r+b") as file:
        file.seek(64 + 40 + 8)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    damaged = run_coupond("journal", "check", directory)
    assert damaged.returncode == 1
    assert segment in damaged.stdout
    assert "offset 64" in damaged.stdout
    assert '"result":"damaged"' in run_coupond("journal", "check", "--json", directory).stdout


def test_journal_reports_a_missing_journal(tmp_path):
    for action in ("dump", "check"):
        assert_refused(run_coupond("journal", action, tmp_path), "there is no journal in", str(tmp_path))
    assert_refused(run_coupond("journal", "chek", tmp_path), "expected dump or check")
    assert_refused(run_coupond("journal", "check"), "dump|check DIR")


def test_journal_check_prints_valid_json_for_any_folder_name(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.create_coupon("X", 1)
        cluster.stop()
        odd = os.fsencode(tmp_path) + b"/caf\xe9 \xec\xbf\xa0"
        os.rename(tmp_path / "journal", odd)
        result = subprocess.run([binary(), "journal", "check", "--json", odd], capture_output=True, check=True)
        assert json.loads(result.stdout.decode("utf-8"))["dir"] == f"{tmp_path}/caf\ufffd \ucfe0/p00"
