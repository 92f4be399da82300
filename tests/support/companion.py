"""A Python program that runs beside the system, on a host of its own if need be. It reads commands, one a line, and
writes reports as lines of JSON.

    with Companion("relay.py", ["7100=10.0.0.2:7100"], prefix=host.prefix) as relay:
        relay.say("hold", "to")
        relay.wait_for("holding")      # the next report with that member
"""

import json
import subprocess
import sys
import threading
from pathlib import Path

from cluster import wait_until


class Companion:
    def __init__(self, program, arguments, prefix=(), on_report=lambda report: None):
        self.command = [*prefix, sys.executable, str(Path(__file__).parent / program), *map(str, arguments)]
        self.program, self.on_report = program, on_report
        self.reports = []
        self._process = self._thread = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts the program and waits until it has reported that it is ready."""
        self._process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         bufsize=1)
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._thread.start()
        self.wait_for("ready")

    def stop(self):
        """Closes the program's input, which ends it, and reads its remaining reports."""
        process, self._process = self._process, None
        if process is None:
            return
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._thread.join()
        process.stdout.close()

    def restart(self):
        self.stop()
        self.start()

    def has_died(self):
        process = self._process
        return process is not None and process.poll() is not None

    def say(self, *words):
        self._process.stdin.write(" ".join(map(str, words)) + "\n")

    def wait_for(self, member, seconds=30):
        """Waits for the next report that has this member, and returns it."""
        def found():
            while self.reports:
                report = self.reports.pop(0)
                if member in report:
                    return report
            return None
        return wait_until(found, f"{self.program} reports {member}", seconds=seconds, pause=0.01)

    def _read(self, lines):
        for line in lines:
            report = json.loads(line)
            self.reports.append(report)
            self.on_report(report)
