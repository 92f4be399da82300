"""A crowd of connections in a process of its own, so that its work does not delay the test. The process prints a line
that begins with "ready" when all of them are in place, a line of JSON after each byte of input, and ends with its
input."""

import json
import resource
import subprocess
import sys


def allow_descriptors():
    """As many as the system gives this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class CrowdProcess:
    """Starts the process, waits until all clients are in place, and ends it."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen([sys.executable, script, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = self.process.stdout.readline()
        assert line.startswith("ready"), f"the crowd is not in place: {line!r}"
        return self

    def state(self):
        """The number of open connections, and counts of events."""
        self.process.stdin.write("?")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
