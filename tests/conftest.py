"""Shared by all tests in Python: the modules of tests/support on the path, and temporary folders that are removed when
their tests pass."""

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

DEFAULT_PORTS = (7100, 7200, 7300, 8080, 8090, 9101, 9102)  # of the options
TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "torture")]


class Folders:
    """The folders that tests leave below pytest's base: those of passed tests are removed, those of failed tests stay.

    A test's own folder goes with the test, what a module's tests share goes with the module. Segments and databases of
    all tests together would take tens of gigabytes.
    """

    def __init__(self, base):
        self.base = Path(base)
        self.kept = set()
        self.module_failed = False

    def present(self):
        return {path for path in self.base.iterdir() if path.is_dir() and not path.is_symlink()} - self.kept

    def after_test(self, item, before, failed):
        own = re.sub(r"\W", "_", item.name)[:30]
        mine = {path for path in self.present() - before if path.name.startswith(own)}
        if failed:
            self.kept |= mine
            self.module_failed = True
        else:
            remove(mine)

    def after_module(self):
        if self.module_failed:
            self.kept |= self.present()
        else:
            remove(self.present())
        self.module_failed = False


def remove(paths):
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def hold_ports(ports):
    """Takes those ports that are free: a test whose program listens on a default port always fails, not only beside
    another that does. Nobody accepts connections there."""
    held = []
    for port in ports:
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
        else:
            held.append(holder)
    return held


def pytest_configure(config):
    config.failed_items = set()
    if not hasattr(config, "workerinput"):  # in the process that starts the workers
        config.held_ports = hold_ports(DEFAULT_PORTS)
    config.addinivalue_line("markers", "once(why): runs with the plain build only")


def pytest_collection_modifyitems(items):
    if os.environ.get("COUPOND_TEST_PRESET", "dev") == "dev":
        return
    for item in items:
        if mark := item.get_closest_marker("once"):
            item.add_marker(pytest.mark.skip(reason=f"once is enough: {mark.args[0]}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed:
        item.config.failed_items.add(item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Around a whole test, so that all fixtures that end with it have let go of their folders."""
    config = item.config
    if not hasattr(config, "folders"):
        config.folders = Folders(config._tmp_path_factory.getbasetemp())
    before = config.folders.present()
    yield
    config.folders.after_test(item, before, item.nodeid in config.failed_items)
    if nextitem is None or nextitem.path != item.path:
        config.folders.after_module()
