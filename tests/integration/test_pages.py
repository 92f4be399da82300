"""What gateways serve for the pages at /, /admin and /events/{id}: headers, tags, compression and size."""

import gzip
import re
import subprocess

import pytest

from cluster import REPOSITORY, Cluster
from test_docs import look

pytestmark = pytest.mark.once("the same bytes")

PAGES = {"/": "web/home/index.html", "/events/noon": "web/event/index.html", "/admin": "web/admin/index.html"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors ")
EVENT_BYTES_MAX = 30 * 1024  # of the page of an event with everything that it loads, compressed


@pytest.fixture(scope="module", name="cluster")
def running_cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("pages")) as running:
        yield running


def parts_of(cluster, path):
    """The paths of what a page names, and of what its modules import."""
    found, waiting = set(), [(path, look(cluster, path)[2].decode())]
    while waiting:
        base, text = waiting.pop()
        pattern = r'(?:src|href)="([^"]*pages/[^"]+)"' if base == path else r'from "(\.[^"]+)"'
        for name in re.findall(pattern, text):
            steps = base.split("/")[:-1] + name.split("/")
            while ".." in steps:
                at = steps.index("..")
                del steps[at - 1:at + 1]
            part = "/".join(step for step in ["", *steps] if step != ".").replace("//", "/")
            if part not in found:
                found.add(part)
                waiting.append((part, look(cluster, part)[2].decode()))
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_its_headers(cluster, path):
    status, headers, body = look(cluster, path)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert body == (REPOSITORY / PAGES[path]).read_bytes()
    assert headers["Content-Security-Policy"] == POLICY + ("'self'" if "events" in path else "'none'")
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    status, of_head, nothing = look(cluster, path, "HEAD")
    assert (status, of_head["Content-Length"], of_head["ETag"], nothing) == (200, str(len(body)), headers["ETag"], b"")
    assert cluster.request("GET", path, headers={"If-None-Match": headers["ETag"]})[0] == 304
    assert cluster.request("GET", path, headers={"If-Match": '"x"'})[0] == 412
    assert cluster.request("POST", path)[1]["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_code_or_style_of_its_own(cluster, path):
    text = look(cluster, path)[2].decode()
    assert not re.search(r"<style|\bstyle=|\bon\w+=|javascript:|<script(?![^>]*\bsrc=)|https?://", text)


@pytest.mark.parametrize("path", PAGES)
def test_every_part_of_a_page_is_there_and_compressed(cluster, path):
    parts = parts_of(cluster, path)
    assert len(parts) > 2
    for part in parts:
        status, headers, body = look(cluster, part)
        assert status == 200 and headers["X-Content-Type-Options"] == "nosniff" and headers["ETag"], part
        _, headers, small = look(cluster, part, accept_encoding="gzip")
        assert (headers["Content-Encoding"] == "gzip") == (len(body) > 1023), part
        assert (gzip.decompress(small) if headers["Content-Encoding"] else small) == body


def test_pages_are_complete_in_a_program_that_is_built_without_npm(tmp_path):
    for name in ("web", "api"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    out = tmp_path / "documents.c"
    subprocess.run(["cmake", "-D", f"root={tmp_path}", "-D", f"out={out}", "-D", "version=1", "-P",
                    REPOSITORY / "web/embed.cmake"], check=True)
    text = out.read_text(encoding="utf-8")
    assert "web/charts/absent.js" in text and "node_modules" not in text
    for path in ("/", "/events", "/admin", "/pages/charts/library.js", "/pages/charts/library.css"):
        assert f'{{"{path}", ' in text


def test_the_page_of_an_event_is_small(cluster):
    paths = {"/events/noon", *parts_of(cluster, "/events/noon")}
    assert sum(len(look(cluster, path, accept_encoding="gzip")[2]) for path in paths) <= EVENT_BYTES_MAX


def test_the_page_of_an_event_loads_all_modules_at_once(cluster):
    """A module that only another one names would arrive a round trip later."""
    text = look(cluster, "/events/noon")[2].decode()
    named = {name.removeprefix("..") for name in re.findall(r'(?:src|href)="([^"]*pages/[^"]+)"', text)}
    assert parts_of(cluster, "/events/noon") == named


def test_a_page_takes_any_query_and_counts_as_a_page(cluster):
    counted = 'coupond_gateway_requests_total{route="pages",status="200"}'
    before = cluster.gateways[0].metrics()[counted]
    assert look(cluster, "/events/noon?utm_source=letter&x&=%20")[0] == 200
    assert look(cluster, "/?probe=1", "HEAD")[0] == 200
    assert cluster.gateways[0].metrics()[counted] == before + 2


def test_every_file_of_the_pages_is_served(cluster):
    files = [path for folder in ("common", "home", "event", "admin") for path in (REPOSITORY / "web" / folder).iterdir()
             if path.suffix in (".js", ".css", ".svg")]
    assert len(files) > 30
    for path in files:
        status, _, body = look(cluster, f"/pages/{path.parent.name}/{path.name}")
        assert (status, body) == (200, path.read_bytes())
