"""The console in a real browser: what an operator does with it, and what has happened afterwards."""

import itertools
import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from browser import appear, barriers, chromium, complaints, wait
from cluster import Cluster, wait_until
from test_dead_letters import QUICKLY, bar, change_store
from test_pages_event import is_expected

pytestmark = pytest.mark.once("the pages are the same bytes")

TOKEN = "open-sesame"
NUMBERS = itertools.count()
VIEWS = ["events", "events/new", "events/{coupon}", "events/{coupon}/change", "users/alice", "letters", "system",
         "rehearsal"]


@pytest.fixture(scope="module", name="cluster")
def running_cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("admin")
    with Cluster(directory, options={**QUICKLY, "gateway/admin_token": TOKEN,
                                     "gateway/rehearsal_users_max": 200}) as running:
        yield running


@pytest.fixture(scope="module", name="browser")
def running_browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), (1280, 1000)) as driver:
        yield driver


class Console:
    """The page, signed in with the operator's token."""

    def __init__(self, driver, cluster):
        self.driver = driver
        self.cluster = cluster
        self.root = f"http://{cluster.addresses[0]}"

    def ask(self, method, path, body=None):
        status, _, answer = self.cluster.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
        return status, answer

    def create(self, quantity=100, **more):
        coupon = f"admin-{next(NUMBERS)}"
        status, body = self.ask("POST", "/v1/coupons", {"id": coupon, "title": coupon, "quantity": quantity, **more})
        assert status == 201, body
        return coupon

    def open(self, view, query=""):
        self.driver.get("about:blank")
        self.driver.get(f"{self.root}/admin{query}#/{view}")
        wait(self.driver, lambda _: self.driver.find_elements(By.CSS_SELECTOR, ".view :is(h1, .notice)"))
        return self

    def find(self, selector):
        return wait(self.driver, lambda _: self.driver.find_elements(By.CSS_SELECTOR, selector))[0]

    def button(self, text, within="body"):
        """The button or link with this text, when it can be pressed."""
        def found(_):
            return [one for one in self.driver.find_elements(By.CSS_SELECTOR, f"{within} :is(button, a)")
                    if one.text == text and one.is_enabled()]
        return wait(self.driver, found)[0]

    def fill(self, name, text):
        element = self.find(f"#field-{name}")
        element.clear()
        element.send_keys(text)

    def wait_text(self, selector, text):
        wait(self.driver, lambda _: any(text in one.text
                                        for one in self.driver.find_elements(By.CSS_SELECTOR, selector)))

    def fault(self, name):
        return self.find(f"#field-{name}-fault").text


@pytest.fixture(name="console")
def signed_in(cluster, browser):
    appear(browser)
    browser.get(f"http://{cluster.addresses[0]}/pages/common/icon.svg")
    browser.execute_script("localStorage.clear(); sessionStorage.setItem('coupond.token', arguments[0])", TOKEN)
    complaints(browser)
    yield Console(browser, cluster)
    assert [message for message in complaints(browser) if not is_expected(message)] == []


# who uses it


def test_a_token_is_asked_for_and_kept_in_the_tab(console):
    console.driver.execute_script("sessionStorage.clear()")
    console.open("letters")
    console.fill("token", "wrong")
    console.button("Sign in", "dialog").click()
    console.wait_text("#field-token-fault", "does not accept")
    console.fill("token", TOKEN)
    console.button("Sign in", "dialog").click()
    console.wait_text(".notice", "There are none")
    assert console.driver.execute_script("return sessionStorage.getItem('coupond.token')") == TOKEN
    console.driver.refresh()
    console.wait_text(".notice", "There are none")


def test_it_offers_to_sign_in_where_a_token_gives_more(console, tmp_path):
    console.driver.execute_script("sessionStorage.clear()")
    console.open("events")
    assert console.button("Sign in", "header")
    with Cluster(tmp_path) as free:
        console.driver.get(f"http://{free.addresses[0]}/admin#/events")
        console.wait_text("#main .notice", "")
        assert not console.driver.find_element(By.ID, "account").is_displayed()


# events


def test_an_event_is_created_and_found(console):
    coupon = f"made-{next(NUMBERS)}"
    console.open("events")
    console.button("New event").click()
    for name, text in (("id", coupon), ("title", "정오의 쿠폰"), ("quantity", "500"), ("per_user_limit", "2"),
                       ("benefit", '{"currency": "KRW", "amount": 3000}'), ("redeem_within", "14"),
                       ("owner", "marketing"), ("segments", "new, app")):
        console.fill(name, text)
    console.button("New event", "form").click()
    console.wait_text("h1", "정오의 쿠폰")
    made = console.cluster.coupon(coupon)
    assert (made["quantity"], made["per_user_limit"], made["redeem_within_s"]) == (500, 2, 1209600)
    assert (made["benefit"], made["segments"]) == ({"currency": "KRW", "amount": 3000}, ["new", "app"])
    console.create(title="Another one")
    console.open("events")
    console.find("#search").send_keys("정오")
    wait(console.driver, lambda _: [row.text for row in console.driver.find_elements(By.CSS_SELECTOR, "td a")]
         == ["정오의 쿠폰"])
    console.find("#owner").send_keys("nobody", Keys.TAB)
    console.wait_text(".notice", "No event is like that")


def test_the_state_is_a_filter(console):
    paused = console.create(title="Paused one", paused=True)
    console.create(title="Open one")
    console.open("events")
    Select(console.find("#state")).select_by_value("paused")
    wait(console.driver, lambda _: {row.text for row in console.driver.find_elements(By.CSS_SELECTOR, "td .pill")}
         == {"Paused"})
    assert console.find(f"a[href='#/events/{paused}']").text == "Paused one"
    Select(console.find("#state")).select_by_value("")


WRONG = {"id": "가", "title": "", "quantity": "0", "per_user_limit": "1001", "benefit": "[1]", "redeem_within": "0",
         "owner": "a b", "segments": "a b, c"}


def test_what_is_wrong_stands_beside_the_field(console):
    console.open("events/new")
    for name, text in WRONG.items():
        console.fill(name, text)
    console.button("New event", "form").click()
    assert [name for name in WRONG if not console.fault(name)] == []
    assert console.driver.switch_to.active_element == console.find("#field-id")
    for name in WRONG:
        console.fill(name, {"title": "\u202ereversed", "per_user_limit": "1"}.get(name, ""))
    console.button("New event", "form").click()
    wait(console.driver, lambda _: console.fault("title"))  # the gateway's own words
    assert [name for name in WRONG if console.fault(name)] == ["title"]


def test_an_event_that_exists_is_not_created_again(console):
    coupon = console.create()
    console.open("events/new")
    console.fill("id", coupon)
    console.fill("title", "Again")
    console.button("New event", "form").click()
    wait(console.driver, lambda _: "exists" in console.fault("id"))


def test_an_event_is_paused_resumed_and_gets_more_stock(console):
    coupon = console.create(10)
    console.open(f"events/{coupon}")
    console.button("Pause").click()
    console.wait_text(".head .pill", "Paused")
    assert console.cluster.coupon(coupon)["state"] == "paused"
    console.button("Resume").click()
    console.wait_text(".head .pill", "Open")
    console.button("Stock…").click()
    console.fill("quantity", "25")
    console.button("Save", "dialog").click()
    console.wait_text(".tiles dd", "25 of 25")
    assert console.cluster.coupon(coupon)["quantity"] == 25


def test_stock_below_what_is_issued_is_refused_beside_the_field(console):
    coupon = console.create(3)
    for user in ("a", "b"):
        console.cluster.issue(coupon, user)
    console.open(f"events/{coupon}")
    console.button("Stock…").click()
    console.fill("quantity", "1")
    console.button("Save", "dialog").click()
    wait(console.driver, lambda _: "issues in force" in console.fault("quantity"))
    console.button("Cancel", "dialog").click()
    assert console.cluster.coupon(coupon)["quantity"] == 3


def test_a_change_that_somebody_else_was_faster_with_is_refused(console):
    coupon = console.create()
    console.open(f"events/{coupon}/change")
    console.find("#field-title")
    console.ask("PATCH", f"/v1/coupons/{coupon}", {"title": "Theirs"})
    console.fill("title", "Mine")
    console.button("Save", "form").click()
    console.wait_text("form .fault", "Somebody has changed the event")
    assert console.cluster.coupon(coupon)["title"] == "Theirs"
    console.open(f"events/{coupon}/change")
    console.fill("title", "Mine")
    console.fill("ends_at", "")
    console.button("Save", "form").click()
    console.wait_text("h1", "Mine")


def test_the_figures_of_an_event_are_live(console):
    coupon = console.create(4)
    console.open(f"events/{coupon}")
    console.wait_text(".tiles dd", "4 of 4")
    console.cluster.issue(coupon, "alice")
    console.wait_text(".tiles dd", "3 of 4")
    wait(console.driver, lambda _: console.driver.find_elements(By.CSS_SELECTOR, ".plot :is(canvas, polyline)"))


# users


def look_up(console, who):
    console.fill("who", who)
    console.button("Look up").click()


def test_an_issue_is_redeemed_undone_and_revoked(console):
    coupon = console.create()
    user = f"user-{coupon}"
    console.cluster.issue(coupon, user)
    console.cluster.wait_drained()
    console.open("users")
    look_up(console, user)
    console.button("Redeem").click()
    console.fill("reference", "order 1")
    console.button("Redeem", "dialog").click()
    wait(console.driver, lambda _: console.fault("reference"))
    console.fill("reference", "order-1")
    console.button("Redeem", "dialog").click()
    console.wait_text("td .pill", "Redeemed")
    console.button("Undo").click()
    console.button("Undo", "dialog").click()
    console.wait_text("td .pill", "Issued")
    console.button("Revoke").click()
    console.button("Revoke", "dialog").click()
    wait(console.driver, lambda _: console.fault("reason"))
    console.fill("reason", "wrong user")
    console.find("#field-restock").click()
    console.button("Revoke", "dialog").click()
    console.wait_text("td .pill", "Revoked")
    issue = console.ask("GET", f"/v1/coupons/{coupon}/issues/{user}")[1]
    assert issue["state"] == "revoked" and console.cluster.coupon(coupon)["returned"] == 1


def test_a_code_leads_to_its_user(console):
    coupon = console.create()
    code = console.cluster.issue(coupon, "bearer")[1]["code"]
    console.cluster.wait_drained()
    console.open("users")
    look_up(console, f"{code[:4]}-{code[4:8]} {code[8:]}".lower())
    console.wait_text("td", coupon)
    console.button("Everything that bearer holds").click()
    console.wait_text("td code", code)
    look_up(console, "0000-0000-0000")
    console.wait_text(".notice", "No issue has this code")


def test_an_id_that_looks_like_a_code_is_an_id(console):
    console.cluster.issue(console.create(title="Theirs"), "member000001")
    console.cluster.wait_drained()
    console.open("users")
    look_up(console, "member000001")
    console.wait_text("td a", "Theirs")


def test_the_issues_of_an_event_are_listed_and_revoked(console):
    coupon = console.create()
    for user in ("first", "second"):
        console.cluster.issue(coupon, user)
    console.cluster.wait_drained()
    console.open(f"events/{coupon}")
    console.button("Show the issues").click()
    console.button("Revoke", "tbody tr:nth-child(2)").click()
    console.fill("reason", "by mistake")
    console.button("Revoke", "dialog").click()
    console.wait_text("td .pill", "Revoked")
    assert [console.ask("GET", f"/v1/coupons/{coupon}/issues/{user}")[1]["state"] for user in ("first", "second")] \
        == ["issued", "revoked"]


# dead letters


def test_a_dead_letter_is_stored_again(console):
    coupon = console.create()
    bar(console.cluster, "coupon_issue", "user_id", "unwanted")
    console.cluster.issue(coupon, "unwanted")
    wait_until(lambda: console.ask("GET", "/v1/dead-letters")[1]["dead_letters"], "a dead letter")
    console.open("letters")
    console.wait_text("td", "unwanted is barred")
    console.button("Store again").click()
    console.wait_text("#told", "Not stored")
    change_store(console.cluster, "DROP TRIGGER barred")
    console.button("Store again").click()
    console.wait_text(".notice", "There are none")
    assert console.cluster.issues()[coupon] == {1: "unwanted"}


# the system


def test_the_promises_are_checked(console):
    console.open("system")
    console.wait_text(".tiles", "0.1.0")
    console.button("Check now").click()
    console.wait_text(".notice", "Every promise is kept")
    assert console.ask("GET", "/v1/verification")[1]["kept"] is True


def test_charts_are_lines_in_a_program_without_uplot(console):
    coupon = console.create()
    console.driver.execute_cdp_cmd("Network.enable", {})
    console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/pages/charts/library.js"]})
    try:
        console.open(f"events/{coupon}")
        console.find(".plot polyline")
    finally:
        console.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    assert all("library.js" in message or is_expected(message) for message in complaints(console.driver))


def test_an_event_is_rehearsed(console):
    coupon = console.create(50)
    console.open(f"events/{coupon}")
    console.button("Rehearse").click()
    console.fill("users", "201")
    console.button("Rehearse", "form").click()
    wait(console.driver, lambda _: console.fault("users"))
    console.fill("users", "200")
    console.button("Rehearse", "form").click()
    console.wait_text(".notice", "The rehearsal is over")
    report = console.ask("GET", "/v1/rehearsals/latest")[1]["report"]
    said = {"good": "fast enough", "tight": "little to spare"}.get(report["verdict"], "not enough")
    console.wait_text(".notice", said)
    assert (report["coupon_id"], report["issued"]) == (coupon, 50)
    console.wait_text(".tiles dd", "50")
    assert console.cluster.coupon(coupon)["issued"] == 0
    assert barriers(console.driver) == {}


def words_of_latin_letters(text):
    """Sentences in English, which names of options, commands and codes are not."""
    return re.findall(r"[A-Za-z]+(?: [A-Za-z]+){2,}", text)


def test_a_rehearsal_in_korean_is_korean(console):
    coupon = console.create(50)
    console.open(f"rehearsal/{coupon}", "?lang=ko")
    console.wait_text("#field-users-help", "최대 200명입니다.")
    assert console.find("#field-users").get_attribute("value") == "200"
    console.fill("users", "201")
    console.button("리허설", "form").click()
    assert console.fault("users") == "1부터 200까지의 정수입니다."
    console.fill("users", "200")
    console.button("리허설", "form").click()
    console.wait_text(".notice", "리허설이 진행 중입니다.")
    console.wait_text(".notice", "리허설이 끝났습니다.")
    console.wait_text("td", "모든 요청이 최종 응답을 받았습니다.")
    console.wait_text("td", "약속을 어긴 응답이 없습니다.")
    console.driver.execute_script("document.querySelector('details').open = true")
    console.wait_text("td", "99%의 대기 시간(µs)")
    assert words_of_latin_letters(console.find("#main").text) == []


def test_the_limit_of_a_crowd_is_that_of_the_gateway(console):
    console.open(f"rehearsal/{console.create()}")
    console.wait_text("#field-users-help", "At most 200.")
    console.fill("users", "201")
    console.button("Rehearse", "form").click()
    assert console.fault("users") == "A whole number from 1 to 200."


# how it looks


def test_the_chosen_tab_is_in_sight_on_a_phone(console):
    console.open("rehearsal", "?lang=ko")
    appear(console.driver, width=360)
    console.open("rehearsal", "?lang=ko")
    left, right, width = console.driver.execute_script("""
        const {left, right} = document.querySelector("#views [aria-current]").getBoundingClientRect();
        return [left, right, innerWidth]""")
    assert 0 <= left < right <= width == 360


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_barriers_in_both_themes_and_fits_a_phone(console, view):
    coupon = console.create(description="One\ntwo", owner="marketing", starts_at="2040-01-01T12:00:00+09:00")
    console.cluster.issue(console.create(), "alice")
    console.open(view.format(coupon=coupon), "?lang=ko")
    wait(console.driver, lambda _: not console.driver.find_elements(By.CSS_SELECTOR, "[aria-busy=true]"))
    assert console.driver.execute_script("return document.documentElement.lang") == "ko"
    assert barriers(console.driver) == {}
    appear(console.driver, dark=True, width=360)
    wait(console.driver, lambda _: console.driver.execute_script("return innerWidth") == 360)
    assert console.driver.execute_script("return document.documentElement.scrollWidth") == 360
    assert barriers(console.driver) == {}


def test_a_dialog_has_no_barriers_and_closes_with_escape(console):
    coupon = console.create()
    console.open(f"events/{coupon}")
    console.button("Stock…").click()
    console.find("#field-quantity")
    assert barriers(console.driver) == {}
    console.find("#field-quantity").send_keys(Keys.ESCAPE)
    wait(console.driver, lambda _: not console.driver.find_element(By.ID, "dialog").is_displayed())
    assert console.cluster.coupon(coupon)["quantity"] == 100
