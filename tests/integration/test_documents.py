"""The documents agree with the program."""

import functools
import re
import runpy
import shlex
import subprocess

import pytest
from cluster import Cluster, REPOSITORY, wait_until

pytestmark = pytest.mark.once("reads documents")

TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
CODE = re.compile(r'"code":"[0-9A-Z]{12}"')


def text_of(document):
    return (REPOSITORY / document).read_text(encoding="utf-8")


def curl_lines(document):
    """(command, output) of the README's first example."""
    found = re.search(r"<!-- curl -->\n```console\n(.*?)```\n<!-- /curl -->", text_of(document), re.S)
    assert found, f"{document}: no example between <!-- curl --> and <!-- /curl -->"
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", found[1], re.M)


def without_chance(text):
    """Without times and codes, which differ from run to run."""
    return CODE.sub('"code":"CODE"', TIME.sub("TIME", text)).strip()


def gives(words, expected):
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return without_chance(output) == without_chance(expected)


@pytest.mark.parametrize("document", ["README.md", "README.ko.md"])
def test_the_curl_lines_give_the_output_of_the_readme(document, tmp_path):
    lines = curl_lines(document)
    assert len(lines) == 4
    with Cluster.dev(tmp_path) as cluster:
        for command, expected in lines:
            words = [*shlex.split(command.replace("127.0.0.1:8080", cluster.addresses[0])), "--silent", "--show-error"]
            if "/users/" in command:  # the store follows the issuer
                wait_until(functools.partial(gives, words, expected), command)
            else:
                assert gives(words, expected), command


def steps_of(document):
    """The commands of the API's example with the status that each promises: a comment's first status belongs to its
    first command, the second to its second."""
    example = text_of(document).split("\n```sh\napi=")[1].split("```")[0]
    promised = []
    for paragraph in example.split("\n\n")[1:]:
        comment = " ".join(line for line in paragraph.splitlines() if line.startswith("#"))
        statuses = re.findall(r"(?<!\d)[2-5]\d\d(?!\d)", comment)
        commands = len(re.findall(r"^curl ", paragraph, re.M))
        assert commands and len(statuses) >= commands, f"{document}: {paragraph}"
        promised += statuses[:commands]
    return "api=" + example, promised


@pytest.mark.parametrize("document", ["docs/api.md", "docs/ko/api.md"])
def test_the_example_of_the_api_gives_the_statuses_it_promises(document, tmp_path):
    """Runs the unchanged example, except for the port and the output of curl."""
    commands, promised = steps_of(document)
    assert promised.count("201") >= 3 and "409" in promised
    only_status = 'curl() { command curl -s -S -o /dev/null -w "%{http_code}\\n" "$@"; }\n'
    with Cluster.dev(tmp_path) as cluster:
        commands = commands.replace("127.0.0.1:8080", cluster.addresses[0])
        printed = subprocess.run(["bash", "-eu", "-c", only_status + commands], capture_output=True, text=True,
                                 check=True)
    assert printed.stdout.split() == promised


def codes_of_the_program():
    rows = re.findall(r'ERROR\([A-Z_]+, "(\w+)", (\d+),', text_of("gateway/reply/error_codes.h"))
    assert len(rows) > 20
    return rows


@pytest.mark.parametrize("document", ["docs/api.md", "docs/ko/api.md"])
def test_the_table_of_errors_has_every_code_with_its_status(document):
    table = text_of(document).split("<!-- errors -->")[1].split("<!-- /errors -->")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([^|]+) \| ([^|]+) \|$", table, re.M)
    assert [row[:2] for row in rows] == codes_of_the_program()


def test_the_layout_table_names_every_folder():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    folders = {line.split("/")[0] + "/" for line in tracked.splitlines() if "/" in line and not line.startswith(".")}
    layout = text_of("ARCHITECTURE.md").split("## Layout")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z-]+/)`", layout, re.M))
    assert named == folders


SOURCE = re.compile(r"[.](c|h|py|sh|js)$|^docs/.*[.]md$|^deploy/package/|^tests/unit/[^/]+[.]cmake$")
WITHOUT_README = re.compile(r"tests/unit/.+"           # mirrors the folders of the modules
                            r"|tests/fuzz/corpus/.+")  # inputs only: a README would be one of them


def folders_without_readme(files, root=REPOSITORY):
    """Folders of sources that have no README.md, or one whose first line is not the folder's path."""
    folders = {file.rpartition("/")[0] for file in files if SOURCE.search(file)} - {""}
    readmes = {folder: root / folder / "README.md" for folder in folders if not WITHOUT_README.fullmatch(folder)}
    return sorted(folder for folder, readme in readmes.items()
                  if not readme.is_file() or readme.read_text(encoding="utf-8").split("\n")[0] != f"# {folder}")


def test_every_folder_of_sources_has_a_readme():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert folders_without_readme(tracked.splitlines()) == []


def test_a_folder_without_a_readme_of_its_own_is_found(tmp_path):
    for folder, title in (("issuer", "# issuer"), ("issuer/copied", "# issuer"), ("docs", "# docs")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "README.md").write_text(f"{title}\n", encoding="utf-8")
    files = ["dev.sh", "issuer/issuer.c", "issuer/copied/a.h", "issuer/missing/b.c", "docs/api.md", "docs/ko/api.md",
             "tests/unit/issuer/test_a.c", "tests/fuzz/corpus/a/b.c", "monitoring/rules/alerts.yml"]
    assert folders_without_readme(files, tmp_path) == ["docs/ko", "issuer/copied", "issuer/missing"]


def sources_of(*folders, root=REPOSITORY):
    """All files below these top folders."""
    return [path for folder in folders for path in sorted((root / folder).rglob("*.c"))]


def actors_of_the_code(root=REPOSITORY):
    """Modules with their own thread: those with an actor's function or a thread's main."""
    sources = sources_of("gateway", "issuer", "persister", "shared", root=root)
    pattern = re.compile(r"^void \w+_actor\(zsock_t \*|^static void \*\w+_main\(void \*|MHD_start_daemon\("
                         r"|[ (]worker_start\(&", re.M)
    found = [path for path in sources if pattern.search(path.read_text(encoding="utf-8"))
             and path.relative_to(root).as_posix() != "shared/worker.c"]
    return {"/".join(path.relative_to(root).with_suffix("").parts[1:]) for path in found}


def test_the_thread_table_names_every_thread():
    table = text_of("ARCHITECTURE.md").split("## Threads")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| [^|]*\(`([\w/]+)`\) \|", table, re.M))
    assert actors_of_the_code() == named


def sockets_of_the_code(root=REPOSITORY):
    code = "".join(path.read_text(encoding="utf-8") for path in sources_of("gateway", "issuer", "persister", root=root))
    used = set(re.findall(r"ZMQ_(DEALER|ROUTER|PUSH|PULL|PUB|SUB|REQ|REP)\b", code))
    return used | {kind.upper() for kind in re.findall(r"zsock_new_(dealer|router|push|pull|pub|sub|req|rep)\b", code)}


def test_threads_and_sockets_are_seen_in_every_folder(tmp_path):
    (tmp_path / "issuer/deep/er").mkdir(parents=True)
    (tmp_path / "issuer/deep/er/reader.c").write_text("void reader_actor(zsock_t *pipe, void *args)\n"
                                                      "{ zsock_new(ZMQ_SUB); }\n")
    assert actors_of_the_code(tmp_path) == {"deep/er/reader"}
    assert sockets_of_the_code(tmp_path) == {"SUB"}


def test_the_picture_names_every_socket():
    picture = text_of("ARCHITECTURE.md").split("## The picture")[1].split("```")[1]
    used = sockets_of_the_code()
    drawn = set(re.findall(r"\b(DEALER|ROUTER|PUSH|PULL|PUB|SUB|REQ|REP)\b", picture))
    assert drawn == used


def tracked_documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=REPOSITORY, capture_output=True, text=True,
                            check=True).stdout
    return sorted(set(listed.splitlines()))


DOCUMENTS = tracked_documents()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_a_document_names_exist(document):
    text = text_of(document)
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    named = re.findall(r"`((?:gateway|issuer|persister|shared|coupond|tests|load-test|monitoring)/[\w./-]*[.]\w+)`",
                       text)
    for link in links:
        assert ((REPOSITORY / document).parent / link).exists(), f"{document} links to {link}"
    for name in named:
        assert (REPOSITORY / name).exists(), f"{document} names {name}"


def anchors_of(document):
    """The anchors that hosts of repositories derive from headings."""
    headings = re.findall(r"^#+ (.*)$", text_of(document), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_headings_that_a_document_links_to_exist(document):
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text_of(document)):
        target = (REPOSITORY / document).parent / link if link else REPOSITORY / document
        assert anchor in anchors_of(target.resolve().relative_to(REPOSITORY)), f"{document} links to {link}#{anchor}"


def test_the_first_documents_are_short():
    assert len(text_of("README.md").encode()) <= 10_000
    assert len(text_of("ARCHITECTURE.md").encode()) <= 14_000


COLUMNS_MAX = 120


def long_lines(text):
    """The line numbers of prose that is too long, in characters. Code, tables and long links are exempt."""
    found = []
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        is_fence = line.lstrip().startswith("```")
        in_code ^= is_fence
        is_prose = not (in_code or is_fence or line.lstrip().startswith("|"))
        can_be_broken = not re.fullmatch(r"\s*(?:(?:[-*]|\d+\.)\s+)?\S+", line)
        if is_prose and can_be_broken and len(line) > COLUMNS_MAX:
            found.append(number)
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_lines_of_prose_wrap_at_120_characters(document):
    assert long_lines(text_of(document)) == [], document


@pytest.mark.parametrize("line", ["a " * 60 + "b", "- " + "a " * 59 + "b", "1. " + "가 " * 59 + "나", "  " + "a " * 60])
def test_a_line_that_is_too_long_is_found(line):
    assert len(line) > COLUMNS_MAX
    assert long_lines(f"# Title\n\n```\n{line}\n```\n{line}\n") == [6]


@pytest.mark.parametrize("line", ["가 " * 59 + "나다", "| " + "a " * 90 + "|", "  - https://example.org/" + "a" * 120])
def test_a_line_that_may_be_long_is_accepted(line):
    assert long_lines(f"{line}\n```sh\n{'a ' * 90}\n```\n") == []


def test_prometheus_is_started_with_its_own_folder():
    """Otherwise Debian's Prometheus writes to the folder of its service, or fails."""
    commands = re.findall(r"^prometheus .*", text_of("monitoring/README.md"), re.M)
    assert commands != []
    assert [command for command in commands if "--storage.tsdb.path=" not in command] == []


KOREAN_PAGES = ("api.md", "configuration.md", "identity.md", "operating.md", "pages.md")
KOREAN = [("README.ko.md", "README.md"), *((f"docs/ko/{page}", f"docs/{page}") for page in KOREAN_PAGES)]


@pytest.mark.parametrize("korean, english", KOREAN)
def test_a_korean_page_has_the_sections_and_the_code_of_the_english_one(korean, english):
    def shape(document):
        text = text_of(document)
        return [len(level) for level in re.findall(r"^(#+) ", text, re.M)], text.count("```"), text.count("\n|")
    assert shape(korean) == shape(english)


def test_every_planted_fault_finds_its_text_and_the_documents_count_them(monkeypatch):
    """A fault with an outdated text ends `./dev simulate --planted` before the following ones are tried."""
    monkeypatch.syspath_prepend(REPOSITORY / "tests/simulation/planted")
    faults = runpy.run_path(str(REPOSITORY / "tests/simulation/planted/run.py"))["FAULTS"]
    stale = [fault.name for fault in faults if text_of(fault.file).count(fault.old) != 1]
    assert stale == []
    count = len(faults)
    assert f"{count} of {count} noticed" in text_of("docs/tested.md")
