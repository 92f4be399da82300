"""The page at /docs in a real browser, and what gateways serve for it."""

import gzip
import http.client
import json
import subprocess
import urllib.parse

import pytest
from selenium.webdriver.common.by import By

import contract as contracts
from browser import chromium, complaints, picture, wait
from cluster import REPOSITORY, Cluster

pytestmark = pytest.mark.once("the same bytes")

MEDIA_TYPES = {"/docs": "text/html; charset=utf-8", "/docs/start.js": "text/javascript; charset=utf-8",
               "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
               "/docs/swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
               "/docs/swagger-ui.css": "text/css; charset=utf-8"}


def look(cluster, path, method="GET", accept_encoding="identity"):
    connection = http.client.HTTPConnection(cluster.addresses[0], timeout=60)
    try:
        connection.request(method, path, headers={"Accept-Encoding": accept_encoding})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module", name="cluster")
def running_cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("docs")) as running:
        running.create_coupon("noon", 100)
        yield running


@pytest.fixture(name="complete")
def has_swagger_ui(cluster):
    if look(cluster, "/docs/start.js")[0] != 200:
        pytest.skip("built without Swagger UI; ./dev pages installs it")


@pytest.fixture(name="page")
def opened_page(cluster, complete, tmp_path):  # pylint: disable=unused-argument
    with chromium(tmp_path) as driver:
        driver.get(f"http://{cluster.addresses[0]}/docs")
        wait(driver, lambda _: operation_blocks(driver))
        yield driver


def operation_blocks(driver):
    return driver.find_elements(By.CSS_SELECTOR, ".opblock")


def block_of(driver, operation):
    return driver.find_element(By.CSS_SELECTOR, f".opblock[id$='-{operation}']")


def fill(element, text):
    element.clear()
    element.send_keys(text)


# the page


def test_the_page_shows_every_operation_and_asks_nobody_else(cluster, page):
    shown = {block.get_attribute("id").rsplit("-", 1)[1] for block in operation_blocks(page)}
    assert shown == {operation.name for operation in contracts.operations(contracts.read())}
    asked = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    hosts = {urllib.parse.urlsplit(address).netloc for address in asked if not address.startswith("data:")}
    assert hosts == {cluster.addresses[0]}
    assert complaints(page) == []


def test_a_coupon_is_issued_with_the_page(cluster, page):
    block_of(page, "issueCoupon").find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
    execute = wait(page, lambda _: block_of(page, "issueCoupon").find_element(By.CSS_SELECTOR, "button.execute"))
    block = block_of(page, "issueCoupon")
    fill(block.find_element(By.CSS_SELECTOR, "tr[data-param-name='id'] input"), "noon")
    fill(block.find_element(By.CSS_SELECTOR, "textarea.body-param__text"), json.dumps({"user_id": "browser"}))
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", execute)
    execute.click()
    shown = wait(page, lambda _: [cell.text.split()[0] for cell in block.find_elements(
        By.CSS_SELECTOR, ".live-responses-table .response-col_status") if cell.text[:1].isdigit()])
    assert shown == ["201"]
    status, issue = cluster.request("GET", "/v1/coupons/noon/issues/browser")[::2]
    assert (status, issue["sequence"]) == (200, 1)
    assert complaints(page) == []
    headers = block.find_elements(By.CSS_SELECTOR, ".live-responses-table .headerline")
    page.execute_script("arguments[0].scrollIntoView({block: 'end'})", headers[-1])  # above the browser's duration
    picture(page, "docs")


# its parts


def test_every_part_has_its_type_and_tag(cluster, complete):  # pylint: disable=unused-argument
    for path, media_type in MEDIA_TYPES.items():
        status, headers, body = look(cluster, path)
        assert (status, headers["Content-Type"]) == (200, media_type)
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["ETag"]
        assert (headers["Content-Security-Policy"] is not None) == (path == "/docs")
        status, of_head, nothing = look(cluster, path, "HEAD")
        assert (status, of_head["Content-Length"], nothing) == (200, str(len(body)), b"")
    assert look(cluster, "/docs")[2] == (REPOSITORY / "web/docs/index.html").read_bytes()


@pytest.mark.parametrize("path, large", [("/docs/swagger-ui-bundle.js", True), ("/docs/swagger-ui.css", True),
                                         ("/docs/start.js", False), ("/openapi.json", False)])
@pytest.mark.usefixtures("complete")
def test_large_parts_are_compressed_for_those_who_accept_it(cluster, path, large):
    _, plain, body = look(cluster, path)
    status, headers, small = look(cluster, path, accept_encoding="br, gzip;q=0.5")
    assert status == 200 and headers["Content-Type"] == plain["Content-Type"]
    assert headers["Content-Encoding"] == ("gzip" if large else None) and plain["Content-Encoding"] is None
    assert headers["Vary"] == plain["Vary"] == ("Accept-Encoding" if large else None)
    assert (headers["ETag"] != plain["ETag"]) == large
    assert (gzip.decompress(small) if large else small) == body and (len(small) < len(body) / 2) == large
    assert look(cluster, path, accept_encoding="gzip;q=0, *")[1]["Content-Encoding"] is None
    length = headers["Content-Length"]
    status, of_head, nothing = look(cluster, path, "HEAD", "gzip")
    assert (status, of_head["Content-Length"], of_head["ETag"], nothing) == (200, length, headers["ETag"], b"")


@pytest.mark.parametrize("path", ["/docs/", "/docs/index.html", "/docs/../docs/start.js", "/docs/start.js/",
                                  "/docs/%2e%2e/openapi.json"])
def test_nothing_else_is_served(cluster, path):
    assert look(cluster, path)[0] == 404
    assert look(cluster, path, "POST")[0] == 404


def test_a_program_that_is_built_without_swagger_ui_says_so(tmp_path):
    for name in ("web", "api"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    out = tmp_path / "documents.c"
    subprocess.run(["cmake", "-D", f"root={tmp_path}", "-D", f"out={out}", "-P", REPOSITORY / "web/embed.cmake"],
                   check=True)
    text = out.read_text(encoding="utf-8")
    assert "web/docs/absent.html" in text and "swagger" not in text and "start.js" not in text
    assert "./dev pages" in (REPOSITORY / "web/docs/absent.html").read_text(encoding="utf-8")
