"""Namespaces for everything that ./dev containers starts, so that nothing outlives it.

`enter(main)` runs main in new mount, PID and network namespaces. Its first process dies with its parent, and the kernel
then ends every process in the namespaces and removes every mount and network. `outside()` is the network of the
machine, where packages are downloaded; `inside()` is that of the containers, which own the ports of 127.0.0.1 there.
Both apply to the calling thread and the processes that it starts.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import traceback

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
MS_REC, MS_PRIVATE = 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)
networks = {}


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def enter(main):
    """Runs main() as described above and returns its exit status."""
    networks["outside"] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    call("unshare", CLONE_NEWPID)
    first = os.fork()
    if first == 0:
        os._exit(be_first(main))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(first, number))
    return status_of(first)


def be_first(main):
    """The first process of the PID namespace: it adopts orphans, and exits with the result of main."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    call("unshare", CLONE_NEWNS)  # not in the parent: the mounts would exist as long as the parent
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    call("mount", b"proc", b"/proc", b"proc", 0, None)
    worker = os.fork()
    if worker == 0:
        os._exit(be_worker(main))
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal sends it to both; a second one has no effect
        signal.signal(number, lambda number, _: os.kill(worker, number))
    return status_of(worker)


def be_worker(main):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    call("unshare", CLONE_NEWNET)
    networks["inside"] = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        status = main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        status = 130
    except Exception:  # reported here: this process must not continue with its parent's code
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def status_of(child):
    """Waits for a child, and reaps all other children that end before it."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


@contextlib.contextmanager
def network(name):
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    call("setns", networks[name], CLONE_NEWNET)
    try:
        yield
    finally:
        call("setns", before, CLONE_NEWNET)
        os.close(before)


def outside():
    return network("outside")


def inside():
    return network("inside")
