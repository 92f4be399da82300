"""A real Chromium without a window, for the pages of the gateway."""

import contextlib
import os
import shutil

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from cluster import DEADLINE_SECONDS, REPOSITORY

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
    """Waits until condition(driver) is true, and returns its value. A page may replace elements meanwhile."""
    replaced = [StaleElementReferenceException]
    return WebDriverWait(driver, DEADLINE_SECONDS, ignored_exceptions=replaced).until(condition)


def picture(driver, name):
    """Saves what the window shows in the folder $COUPOND_PICTURES, for the documents."""
    if folder := os.environ.get("COUPOND_PICTURES"):
        assert driver.save_screenshot(f"{folder}/{name}.png")


def complaints(driver):
    """What the browser has logged since it was last asked: what the policy blocked, what could not be loaded, errors of
    scripts."""
    return [entry["message"] for entry in driver.get_log("browser")]


def appear(driver, dark=False, width=None, language=None):
    """How the browser shows pages from now on: dark or light, on a phone this wide, for readers of this language."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    if width is None:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    else:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": 780, "deviceScaleFactor": 2, "mobile": True})
    agent = driver.execute_script("return navigator.userAgent")
    driver.execute_cdp_cmd("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": language or "en"})


def set_online(driver, online):
    """With or without a network, for the tab that the driver shows."""
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                           {"offline": not online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})


AXE = REPOSITORY / "build/web/node_modules/axe-core/axe.min.js"


def barriers(driver):
    """What axe-core finds serious or critical in the page: {rule: elements}. Skips the test without axe-core."""
    if not AXE.exists():
        pytest.skip("axe-core is not there; ./dev pages installs it")
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = driver.execute_async_script("""
        const done = arguments[0];
        const ends = document.getAnimations().filter(one => isFinite(one.effect.getComputedTiming().endTime));
        Promise.allSettled(ends.map(one => one.finished))
            .then(() => axe.run({resultTypes: ['violations']})).then(done)""")
    assert found["passes"], "axe-core has looked at nothing"
    return {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]
            if one["impact"] in ("serious", "critical")}
