"""A small file system (tmpfs, needs root) that can really be filled, and be given room again.

    with SmallDisk(tmp_path / "disk", mebibytes=32) as disk:
        disk.fill(); …; disk.free()
"""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path


def why_not():
    """The reason why nothing can be mounted here, or None."""
    if os.geteuid() != 0:
        return "mounting a small filesystem needs root"
    probe = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                           check=False)
    return None if probe.returncode == 0 else "this machine mounts no tmpfs"


class SmallDisk:
    def __init__(self, path, mebibytes, inodes=0):
        self.path, self.mebibytes, self.inodes = Path(path), mebibytes, inodes  # inodes 0: no bound
        self._ballast = self.path / "ballast"

    def __enter__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.mebibytes}m,nr_inodes={self.inodes}", "coupond-test",
                        str(self.path)], check=True)
        return self

    def __exit__(self, *_):
        # Lazily: open files stay usable until they are closed.
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)

    def free_bytes(self):
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def fill(self, leave=0):
        """Fills the disk except for `leave` bytes. If others write meanwhile, less remains."""
        with open(self._ballast, "ab") as ballast:
            while (size := self.free_bytes() - leave) > 0:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), size)

    def use_up_inodes(self):
        """Uses up all inodes: no further file can be made, however much room there is."""
        self._ballast.mkdir()
        with contextlib.suppress(OSError):
            for number in range(self.inodes):
                (self._ballast / str(number)).touch()

    def free(self):
        if self._ballast.is_dir():
            shutil.rmtree(self._ballast)
        self._ballast.unlink(missing_ok=True)
