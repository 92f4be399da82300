"""The progress messages of ./dev containers: a line with the time for each step, and one every ten seconds during a
longer step."""

import contextlib
import sys
import threading
import time

BEAT_SECONDS = 10
started = time.monotonic()


def elapsed():
    return time.monotonic() - started


def say(text):
    print(f"[{elapsed():6.1f} s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text):
    """Reports the beginning of a step, its progress, and its duration."""
    say(f"{text} …")
    begun = time.monotonic()
    over = threading.Event()

    def beat():
        while not over.wait(BEAT_SECONDS):
            say(f"    {text}: {time.monotonic() - begun:.0f} s so far")

    teller = threading.Thread(target=beat, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
    say(f"    done in {time.monotonic() - begun:.1f} s")


class CheckFailed(Exception):
    """A check failed; the message is for the reader of the log."""


def check(condition, text):
    """text may be a function."""
    if not condition:
        raise CheckFailed(text() if callable(text) else text)


def wait_until(condition, seconds, text):
    """Returns the first true value of condition(). After the deadline it fails with `text`, which may be a function."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise CheckFailed(f"not within {seconds} s: {text() if callable(text) else text}")
        time.sleep(0.25)
