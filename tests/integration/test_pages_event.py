"""The page of an event in a real browser: what a buyer sees, and what has happened when it says so."""

import datetime
import itertools

import pytest
from selenium.webdriver.common.by import By

from browser import appear, barriers, chromium, complaints, set_online, wait
from cluster import Cluster
from test_api import iso

pytestmark = pytest.mark.once("the pages are the same bytes")

NUMBERS = itertools.count()
# Each phase of the page, by the coupon that shows it.
PHASES = {"scheduled": {"starts_at": iso(7200)}, "open": {}, "sold_out": {}, "ended": {"ends_at": iso(-60)},
          "paused": {"paused": True}}


@pytest.fixture(scope="module", name="cluster")
def running_cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("event")) as running:
        yield running


@pytest.fixture(scope="module", name="browser")
def running_browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), (1100, 1000)) as driver:
        yield driver


class Page:
    """A tab with the page of one coupon."""

    def __init__(self, driver, cluster):
        self.driver = driver
        self.cluster = cluster
        self.root = f"http://{cluster.addresses[0]}"
        self.coupon = None

    def create(self, quantity=100, **more):
        self.coupon = f"event-{next(NUMBERS)}"
        return self.cluster.create_coupon(self.coupon, quantity, **{"title": "First come", **more})

    def open(self, query="", user=None):
        if user is not None:
            self.driver.get(f"{self.root}/pages/common/icon.svg")
            self.driver.execute_script("localStorage.setItem('coupond.name', arguments[0])", user)
        self.driver.get(f"{self.root}/events/{self.coupon}{query}")
        wait(self.driver, lambda _: self.phase() not in (None, "loading"))
        return self

    def find(self, name):
        return self.driver.find_element(By.ID, name)

    def phase(self):
        return self.find("event").get_attribute("data-phase")

    def wait_phase(self, *phases):
        wait(self.driver, lambda _: self.phase() in phases)

    def wait_text(self, name, text):
        wait(self.driver, lambda _: text in self.find(name).text)

    def press(self):
        wait(self.driver, lambda _: self.find("take").is_enabled())
        self.find("take").click()

    def block(self, *patterns):
        """Requests of these addresses do not get through."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": patterns})

    def code(self):
        self.wait_phase("issued")
        return wait(self.driver, lambda _: "".join(self.find("code").text.split()))  # it appears slowly

    def issue(self, user):
        status, _, issue = self.cluster.request("GET", f"/v1/coupons/{self.coupon}/issues/{user}")
        assert status == 200
        return issue


def is_expected(message):
    """Browsers log every answer of 400 or more; those of the API are no fault of the page."""
    return "Failed to load resource" in message and "/v1/" in message


@pytest.fixture(name="page")
def opened_page(cluster, browser):
    appear(browser)
    browser.get(f"http://{cluster.addresses[0]}/pages/common/icon.svg")
    browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    complaints(browser)
    opened = Page(browser, cluster)
    yield opened
    opened.block()
    set_online(browser, True)
    assert [message for message in complaints(browser) if not is_expected(message)] == []


# from the countdown to the code


def test_the_button_is_there_when_the_coupon_opens_and_gives_a_code(page):
    starts = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    page.create(starts_at=starts.isoformat(), redeem_within_s=3600)
    page.open(user="alice")
    assert page.phase() == "scheduled" and not page.find("take").is_enabled()
    assert 0 < int(page.find("seconds").text) <= 4 and page.find("opens").text.startswith("Opens ")
    wait(page.driver, lambda _: page.find("take").is_enabled())
    assert datetime.datetime.now(datetime.timezone.utc) >= starts
    page.press()
    assert page.code() == page.issue("alice")["code"]
    assert page.find("holding").text == "It’s yours!" and page.find("until").text.startswith("Use it by ")
    assert page.find("told").get_attribute("textContent").startswith("It’s yours!")
    assert page.cluster.gateways[0].metrics()['coupond_gateway_requests_total{route="issue_put",status="409"}'] == 0


def test_a_name_is_asked_for_where_nobody_checks_it(page):
    page.create()
    for language, label in (("en", "User id"), ("ko", "사용자 ID")):
        page.open(f"?lang={language}")
        assert page.driver.find_element(By.CSS_SELECTOR, "label[for=name]").text == label
    page.open("?lang=en")
    page.press()
    assert page.find("name-fault").text and page.driver.switch_to.active_element == page.find("name")
    page.find("name").send_keys("한글 이름")
    page.press()
    assert page.find("name").get_attribute("aria-invalid") == "true" and page.cluster.coupon(page.coupon)["issued"] == 0
    page.find("name").clear()
    page.find("name").send_keys("bob\n")
    assert page.code() == page.issue("bob")["code"]


def test_a_press_that_is_too_early_counts_down_again(page):
    """The start is put off, and the page does not hear of it."""
    page.block("*/live")
    page.create(starts_at=iso(2))
    page.open(user="alice")
    page.driver.execute_script("""
        const ask = window.fetch;
        window.fetch = (path, options) => options.method === "GET" ? new Promise(() => {}) : ask(path, options);""")
    later = {"starts_at": iso(7200)}
    assert page.cluster.request("PATCH", f"/v1/coupons/{page.coupon}", later)[0] == 200
    page.press()
    page.wait_phase("scheduled")
    wait(page.driver, lambda _: page.find("hours").text in ("01", "02"))
    assert not page.find("take").is_enabled() and "too early" in page.find("told").get_attribute("textContent")


def test_a_code_is_copied_without_its_spaces(page):
    page.create()
    page.open(user="alice").press()
    code = page.code()
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.find("copy").click()
    page.wait_text("copy", "Copied")
    assert page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == code


# other answers


def test_the_stock_is_live_until_it_is_sold_out(page):
    page.create(2)
    page.open(user="late")
    page.wait_text("left", "2 left")
    page.cluster.issue(page.coupon, "first")
    page.wait_text("left", "1 left")
    page.cluster.issue(page.coupon, "second")
    page.wait_phase("sold_out")
    assert page.find("answer-title").text == "Sold out" and not page.find("take").is_displayed()
    page.cluster.request("PATCH", f"/v1/coupons/{page.coupon}", {"quantity": 3})
    page.press()
    assert page.code() == page.issue("late")["code"]


def test_a_coupon_that_an_operator_pauses_comes_back_by_itself(page):
    page.create()
    page.open(user="alice")
    page.cluster.request("PATCH", f"/v1/coupons/{page.coupon}", {"paused": True})
    page.wait_phase("paused")
    page.cluster.request("PATCH", f"/v1/coupons/{page.coupon}", {"paused": False, "title": "Again"})
    page.wait_phase("open")
    page.wait_text("title", "Again")


def test_an_issue_that_was_used_or_withdrawn_says_so(page):
    page.create()
    path = f"/v1/coupons/{page.coupon}/issues/alice"
    page.cluster.issue(page.coupon, "alice")
    page.cluster.request("PUT", f"{path}/redemption", {"reference": "order-1"})
    page.open(user="alice").wait_phase("redeemed")
    page.cluster.request("DELETE", f"{path}/redemption?reference=order-1")
    page.cluster.request("DELETE", path)
    page.open().wait_phase("revoked")
    assert "withdrawn" in page.find("answer-title").text and not page.find("ticket").is_displayed()


@pytest.mark.parametrize("coupon", ["nowhere", "%EC%BF%A0%ED%8F%B0", "%3Cscript%3Ealert(1)"])
def test_an_address_without_a_coupon_says_so(page, coupon):
    page.coupon = coupon
    page.open()
    assert page.phase() == "missing" and page.find("answer-title").text == "There is no such event"


def test_what_a_coupon_says_never_becomes_markup(page):
    attack = "<img src=x onerror=\"document.title='attacked'\"><script>document.title='attacked'</script>"
    page.create(title=attack, description=attack, benefit={attack: attack, "currency": attack, "amount": 1})
    page.open()
    assert page.find("title").text == page.driver.title == attack and attack in page.find("description").text
    assert page.driver.find_elements(By.CSS_SELECTOR, "article img, article script") == []


# the truth, whatever happens to the connection, the tab and the finger


def test_a_double_tap_takes_one(page):
    page.create()
    page.open(user="alice")
    page.driver.execute_script("for (let i = 0; i < 5; i++) arguments[0].click()", page.find("take"))
    assert page.code() == page.issue("alice")["code"] and page.cluster.coupon(page.coupon)["issued"] == 1


def test_a_reload_and_another_tab_show_the_same_code(page):
    page.create()
    page.open(user="alice")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.open().press()
        code = page.code()
        page.driver.refresh()
        assert page.code() == code and page.find("holding").text == "It’s already yours"
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    assert page.code() == code and page.cluster.coupon(page.coupon)["issued"] == 1


def test_a_lost_connection_is_asked_again_until_it_answers(page):
    page.create()
    page.open(user="alice")
    set_online(page.driver, False)
    page.press()
    page.wait_text("answer-title", "We cannot reach the server")
    assert page.phase() == "asking" and page.find("ticket").is_displayed() is False
    set_online(page.driver, True)
    assert page.code() == page.issue("alice")["code"] and not page.find("answer").is_displayed()


def test_a_reload_goes_on_with_what_was_asked_for(page):
    page.create()
    page.open(user="alice")
    page.block("*/issues/*")
    page.press()
    page.wait_text("answer-title", "We cannot reach the server")
    assert page.cluster.coupon(page.coupon)["issued"] == 0
    page.block()
    page.driver.refresh()
    assert page.code() == page.issue("alice")["code"]


def test_a_token_leaves_the_address(page):
    page.create()
    page.open("?utm_source=letter#token=abc.def")
    assert page.driver.execute_script("return location.href").endswith(f"/events/{page.coupon}?utm_source=letter")
    assert page.driver.execute_script("return sessionStorage.getItem('coupond.token')") == "abc.def"


# the clock

CLOCK = """
    const [told, done] = arguments;
    import("/pages/common/clock.js").then(({ createClock }) => {
        let now = 0;
        const clock = createClock(() => now);
        done(told.map(([at, call, ...rest]) => {
            now = at;
            clock[call](...rest);
            return clock.now();
        }));
    });"""


@pytest.mark.parametrize("told, shown", [
    ([[0, "learn", 100_000], [10, "learn", 100_000], [20, "learn", 101_000]], [100_000, 100_010, 101_000]),
    ([[0, "learn", 105_000], [0, "learn", 100_000, True], [5, "learn", 109_000]], [105_000, 100_000, 100_005]),
    ([[0, "learn", 100_000, True], [0, "learn", 90_000, True]], [100_000, 90_000]),
    ([[0, "learn", 100_000], [0, "correct", 99_000], [5, "correct", 200_000]], [100_000, 99_000, 99_005]),
], ids=["the latest bound counts", "the issuer's time decides", "a clock was set back", "an answer came too early"])
def test_the_estimated_time_is_never_ahead(page, told, shown):
    assert page.driver.execute_async_script(CLOCK, told) == shown


# how it looks


def make_phase(page, phase):
    page.create(1 if phase == "sold_out" else 100, description="One line.\nAnother one.",
                benefit={"currency": "KRW", "amount": 3000}, **PHASES[phase])
    if phase == "sold_out":
        page.cluster.issue(page.coupon, "first")


@pytest.mark.parametrize("phase", PHASES)
def test_a_phone_in_korean_and_dark_shows_every_phase_without_barriers(page, phase):
    make_phase(page, phase)
    appear(page.driver, dark=True, width=360, language="ko")
    page.open(user="alice")
    assert page.phase() == phase
    assert page.driver.execute_script("return document.documentElement.lang") == "ko"
    assert page.driver.execute_script("return document.documentElement.scrollWidth") == 360
    red, green, blue = page.driver.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)")
    assert max(red, green, blue) < 64
    assert barriers(page.driver) == {}


def test_a_ticket_has_no_barriers_and_fits_a_phone_in_both_themes(page):
    page.create(redeem_within_s=60)
    page.open(user="alice").press()
    page.code()
    for dark in (False, True):
        appear(page.driver, dark=dark, width=360)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") == 360
        assert barriers(page.driver) == {}


def test_the_language_can_be_chosen_and_is_remembered(page):
    page.create()
    page.open()
    assert page.find("take").text == "Get the coupon"
    page.driver.find_element(By.CSS_SELECTOR, "[data-language=ko]").click()
    assert page.find("take").text == "쿠폰 받기"
    assert page.driver.execute_script("return document.documentElement.lang") == "ko"
    page.open()
    assert page.find("take").text == "쿠폰 받기"
    page.open("?lang=en")
    assert page.find("take").text == "Get the coupon"
