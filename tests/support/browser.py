"""A real Chromium without a window, for the pages of the gateway."""

import contextlib
import os
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from cluster import DEADLINE_SECONDS

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))


@contextlib.contextmanager
def chromium(directory, size=(1200, 1400)):
    """Keeps its files below `directory`. Asks no server but those that the page names: names do not resolve."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    switches = ["headless=new", "disable-dev-shm-usage", f"user-data-dir={directory}/profile", "no-first-run",
                f"window-size={size[0]},{size[1]}", "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if os.geteuid() == 0:
        switches.append("no-sandbox")  # Chromium has none for root
    for switch in switches:
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(DRIVER, log_path=f"{directory}/chromedriver.log"), options=options)
    try:
        yield driver
    finally:
        driver.quit()


def wait(driver, condition):
    """Waits until condition(driver) is true, and returns its value."""
    return WebDriverWait(driver, DEADLINE_SECONDS).until(condition)


def picture(driver, name):
    """Saves what the window shows in the folder $COUPOND_PICTURES, for the documents."""
    if folder := os.environ.get("COUPOND_PICTURES"):
        assert driver.save_screenshot(f"{folder}/{name}.png")


def complaints(driver):
    """What the browser has logged since it was last asked: what the policy blocked, what could not be loaded, errors of
    scripts."""
    return [entry["message"] for entry in driver.get_log("browser")]
