"""What an interactive bash offers: it is started on a terminal of its own, and asked by the key that inserts all
completions."""

import os
import pty
import re
import select
import subprocess
import time

INSERT_ALL, TO_BEGIN, TO_END = b"\x1b*", b"\x01", b"\x05"
PATIENCE_S = 60


class Bash:
    """An interactive bash that has read a completion. `command` starts bash, such as in a root of its own."""

    def __init__(self, completion, folder, breaks_at_equals=True, command=("bash",)):
        self.terminal, other = pty.openpty()
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "PS1": "", "TERM": "dumb", "HISTFILE": "",
                       "INPUTRC": "/dev/null", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen([*command, "--norc", "--noprofile", "-i"], stdin=other, stdout=other,
                                        stderr=other, cwd=folder, env=environment, start_new_session=True)
        os.close(other)
        self.count = 0
        self.run("bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; stty cols 10000")
        if not breaks_at_equals:
            self.run("COMP_WORDBREAKS=${COMP_WORDBREAKS//=}")
        self.run(f"source {completion}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def read_until(self, pattern):
        text, end = "", time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, text, re.S)):
            assert time.monotonic() < end, f"bash has not printed {pattern}: {text!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                text += os.read(self.terminal, 65536).decode(errors="replace")
        return found[1]

    def press(self, keys):
        """Presses keys on a line of its own, and returns what is printed between <N> and <N end>: the keys have one of
        them, a command's output both."""
        os.write(self.terminal, keys)
        return self.read_until(rf"<{self.count}>((?:(?!<{self.count}>).)*?)<{self.count} end>")

    def run(self, line):
        self.count += 1
        self.press(f"printf '<%s>' {self.count}; {line}; printf '<%s end>' {self.count}\n".encode())

    def offers(self, line):
        """The words of the line once all completions of its last word are inserted."""
        self.count += 1
        print_words = f"printf '<%s>' {self.count} ".encode()
        printed = self.press(line.encode() + INSERT_ALL + TO_BEGIN + print_words + TO_END
                             + f" '{self.count} end'\n".encode())
        return re.findall(r"<([^>]*)>", printed)
