"""Makes the pictures of the pages in docs/: event.png, event-phone.png and admin.png. ./dev pictures runs it."""

import contextlib
import datetime
import http.client
import sys
import tempfile
import threading
import time
from pathlib import Path

from browser import appear, chromium, wait
from cluster import REPOSITORY, Cluster

COFFEE = {"title": "A coffee on us, for the first 3,000", "description": "One cup of any size, in all our shops.",
          "owner": "marketing", "benefit": {"currency": "KRW", "amount": 4500}, "redeem_within_s": 14 * 86400}
LUNCH = {"title": "정오의 선착순 쿠폰", "description": "첫 주문에 쓸 수 있습니다.\n다른 쿠폰과 함께 쓸 수 없습니다.",
         "benefit": {"currency": "KRW", "amount": 3000}, "redeem_within_s": 14 * 86400}
WATCHED_SECONDS = 25  # how long the charts of the console are watched


@contextlib.contextmanager
def crowd(cluster, coupon):
    """Users who come as long as the context lasts, more and more of them."""
    over = threading.Event()

    def come():
        connection = http.client.HTTPConnection(cluster.addresses[0], timeout=60)
        for number in range(1_000_000):
            if over.wait(0.03 / (1 + number / 150)):
                break
            user = number if number % 7 else 0  # some ask again
            connection.request("PUT", f"/v1/coupons/{coupon}/issues/user-{user}")
            connection.getresponse().read()
        connection.close()

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def save(driver, name):
    path = REPOSITORY / "docs" / f"{name}.png"
    assert driver.save_screenshot(str(path))
    print(f"{path}: {path.stat().st_size} bytes")


def open_event(driver, cluster, coupon):
    driver.get(f"http://{cluster.addresses[0]}/events/{coupon}")
    wait(driver, lambda _: driver.find_element("id", "event").get_attribute("data-phase") != "loading")


def take_event(driver, cluster):
    opens = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2, minutes=13)
    cluster.create_coupon("soon", 3000, starts_at=opens.isoformat(), **COFFEE)
    appear(driver)
    open_event(driver, cluster, "soon")
    driver.find_element("id", "name").send_keys("alice")
    driver.execute_script("document.activeElement.blur()")
    save(driver, "event")


def take_phone(driver, cluster):
    cluster.create_coupon("noon", 5000, **LUNCH)
    appear(driver, dark=True, width=360, language="ko")
    open_event(driver, cluster, "noon")
    driver.find_element("id", "name").clear()
    driver.find_element("id", "name").send_keys("alice\n")
    wait(driver, lambda _: driver.find_element("id", "code").text)
    wait(driver, lambda _: driver.execute_script("return document.getAnimations().length") == 0)
    save(driver, "event-phone")


def take_console(driver, cluster):
    cluster.create_coupon("coffee", 9000, **{**COFFEE, "title": "A coffee on us at noon"})
    appear(driver)
    with crowd(cluster, "coffee"):
        driver.get(f"http://{cluster.addresses[0]}/admin#/events/coffee")
        time.sleep(WATCHED_SECONDS)
        save(driver, "admin")


def main():
    with tempfile.TemporaryDirectory() as directory:
        with Cluster(Path(directory) / "cluster") as cluster, \
                chromium(Path(directory), (1120, 1010)) as driver:
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            take_event(driver, cluster)
            take_phone(driver, cluster)
            take_console(driver, cluster)


if __name__ == "__main__":
    sys.exit(main())
