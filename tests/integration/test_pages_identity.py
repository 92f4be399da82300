"""The pages with identity on: whose token counts, and what the console shows to whom."""

import itertools

import pytest
from selenium.webdriver.common.by import By

from browser import appear, barriers, chromium, complaints, wait
from cluster import Cluster
from identity import bearer, jwk, token, write_keys
from test_pages_admin import Console
from test_pages_event import Page, is_expected

pytestmark = pytest.mark.once("the pages are the same bytes")

NUMBERS = itertools.count()
ADMIN = "root"
# What the navigation of the console has for each role.
VIEWS = {"seller": ["Events"], "service": ["Events", "Users"],
         "viewer": ["Events", "Users", "Dead letters", "System"],
         "admin": ["Events", "Users", "Dead letters", "System", "Rehearsal"]}


@pytest.fixture(scope="module", name="cluster")
def running_cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    options = {"gateway/identity": "on", "gateway/jwk_set_file": write_keys(folder / "keys.json", jwk()),
               "gateway/admin_token": ADMIN}
    with Cluster.dev(folder / "dev", options=options) as running:
        yield running


@pytest.fixture(scope="module", name="browser")
def running_browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), (1280, 1000)) as driver:
        yield driver


@pytest.fixture(autouse=True)
def fresh_browser(cluster, browser):
    appear(browser)
    browser.get(f"http://{cluster.addresses[0]}/pages/common/icon.svg")
    browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})  # those of all paths
    complaints(browser)
    yield
    assert [message for message in complaints(browser) if not is_expected(message)] == []


@pytest.fixture(name="page")
def page_of_a_coupon(cluster, browser):
    page = Page(browser, cluster)
    page.coupon = create(cluster)
    return page


def create(cluster, credentials=ADMIN, **more):
    coupon = f"theirs-{next(NUMBERS)}"
    body = {"id": coupon, "title": coupon, "quantity": 100, **more}
    status, _, answer = cluster.request("POST", "/v1/coupons", body, bearer(credentials))
    assert status == 201, answer
    return coupon


def holder(page, user):
    status, _, issue = page.cluster.request("GET", f"/v1/coupons/{page.coupon}/issues/{user}", headers=bearer(ADMIN))
    return issue["code"] if status == 200 else None


# buyers


def test_a_buyer_with_a_token_in_the_fragment_gets_a_coupon(page):
    page.open(f"#token={token('alice', 'user')}")
    assert not page.find("who").is_displayed() and "token" not in page.driver.current_url
    page.press()
    assert page.code() == holder(page, "alice")
    page.driver.refresh()
    assert page.code() == holder(page, "alice")


def test_a_buyer_with_a_token_in_the_cookie_gets_a_coupon(page):
    page.driver.add_cookie({"name": "coupond_token", "value": token("bob", "user"), "path": "/events/"})
    page.open().press()
    assert page.code() == holder(page, "bob")


@pytest.mark.parametrize("fragment", ["", "#token=nonsense", f"#token={token('alice', 'user', exp=1)}"],
                         ids=["none", "no token", "expired"])
def test_a_buyer_without_a_valid_token_is_asked_to_sign_in(page, fragment):
    page.open(fragment).wait_phase("sign_in")
    assert not page.find("take").is_displayed()
    assert barriers(page.driver) == {}


def test_a_cookie_takes_the_place_of_a_token_that_is_refused(page):
    page.driver.add_cookie({"name": "coupond_token", "value": token("carol", "user"), "path": "/events/"})
    page.open("#token=nonsense").press()
    assert page.code() == holder(page, "carol")


def test_a_link_signs_no_buyer_in_as_somebody_else(page):
    page.driver.add_cookie({"name": "coupond_token", "value": token("dora", "user"), "path": "/events/"})
    page.open(f"#token={token('mallory', 'user')}").press()
    assert page.code() == holder(page, "dora")
    assert holder(page, "mallory") is None


def test_who_is_no_user_is_no_buyer(page):
    page.open(f"#token={ADMIN}").wait_phase("sign_in")
    assert holder(page, "key:admin") is None


def test_a_buyer_of_another_segment_is_told_so(page):
    page.coupon = create(page.cluster, segments=["gold"])
    page.open(f"#token={token('alice', 'user', segments=['silver'])}").press()
    page.wait_phase("not_eligible")
    assert page.find("answer-title").text == "This coupon is for other members"
    page.open(f"#token={token('alice', 'user', segments=['gold'])}").press()
    assert page.code() == holder(page, "alice")


# the console


@pytest.fixture(name="console")
def console_page(cluster, browser):
    return Console(browser, cluster)


def open_as(console, view, user, *roles):
    console.driver.execute_script("sessionStorage.setItem('coupond.token', arguments[0])", token(user, *roles))
    return console.open(view)


def labels(console, selector):
    return [one.text for one in console.driver.find_elements(By.CSS_SELECTOR, selector)]


@pytest.mark.parametrize("role", VIEWS)
def test_the_console_shows_what_a_role_may_see(console, role):
    open_as(console, "events", "someone", role)
    assert labels(console, "#views a") == VIEWS[role] and console.find("#account").text == "someone"
    assert ("New event" in labels(console, ".heading button")) == (role in ("seller", "admin"))


def test_a_seller_creates_an_event_and_sees_only_their_own(console):
    create(console.cluster, owner="another")
    open_as(console, "events/new", "seller-1", "seller")
    assert console.driver.find_elements(By.ID, "field-owner") == []
    for name, text in (("id", "sellers-own"), ("title", "Theirs"), ("quantity", "5")):
        console.fill(name, text)
    console.button("New event", "form").click()
    console.wait_text("h1", "Theirs")
    assert console.cluster.coupon("sellers-own")["owner"] == "seller-1"
    console.open("events")
    wait(console.driver, lambda _: labels(console, "td a") == ["Theirs"])


def test_a_viewer_cannot_change_an_event_but_sees_who_did(console):
    coupon = create(console.cluster, token("maker", "admin"))
    headers = bearer(token("changer", "admin"))
    assert console.cluster.request("PATCH", f"/v1/coupons/{coupon}", {"quantity": 200}, headers)[0] == 200
    console.cluster.wait_drained()
    open_as(console, f"events/{coupon}", "watcher", "viewer")
    console.wait_text(".differences", "Quantity: 100 → 200")
    assert {"changer", "maker"} <= set(labels(console, "td"))
    assert labels(console, ".head .actions :is(a, button)") == ["Open the page"]
    assert barriers(console.driver) == {}


def test_the_first_page_lists_events_for_those_who_may_see_them(console):
    coupon = create(console.cluster)
    console.driver.get(f"{console.root}/")
    console.wait_text("#none", "Sign in at the console")
    assert barriers(console.driver) == {}
    console.driver.execute_script("sessionStorage.setItem('coupond.token', arguments[0])", ADMIN)
    console.driver.refresh()
    console.wait_text("#list", coupon)
    assert console.find("#version").text
    assert barriers(console.driver) == {}
