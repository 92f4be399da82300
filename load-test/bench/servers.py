"""The databases of the bench: MariaDB and Redis, empty for every measurement, with a production configuration."""

import os
import shutil
import subprocess
from pathlib import Path

import servers


class MariaDB(servers.MariaDB):
    """Every commit is synced (InnoDB's default), memory is ample, and there is no binary log. The empty database
    is created once and copied."""

    template = None  # where the empty database is kept; set before use

    def options(self, data):
        return [*super().options(data), "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M",
                "--max-connections=500"]

    def prepare(self):
        template = Path(self.template)
        if not template.exists():
            super().prepare()
            os.rename(self.directory / "data", template)
        (self.directory / "setup.sql").write_text(servers.SETUP)
        shutil.copytree(template, self.directory / "data")
        shutil.copystat(template, self.directory / "data")

    @property
    def pid(self):
        return self.process.pid

    def syncs(self):
        """The number of file syncs of InnoDB: its log at each commit, other files occasionally."""
        answer = subprocess.run(["mariadb", "--no-defaults", "--socket", self.socket, "--user", "root",
                                 "--skip-column-names", "--execute", "SHOW GLOBAL STATUS LIKE 'Innodb_data_fsyncs'"],
                                capture_output=True, text=True, timeout=20, check=True)
        return int(answer.stdout.split()[1])


class Redis:
    """A redis-server on a UNIX socket, and on a TCP port if one is given."""

    def __init__(self, directory, port=0):
        self.directory = directory
        self.port = port
        self.socket = f"{directory}/redis.sock"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket, "--dir",
                self.directory, "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage",
                "0", "--save", "", "--daemonize", "no"]

    def ask(self, *words):
        answer = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, timeout=20,
                                check=False)
        return answer.stdout.strip()

    def reads(self):
        """The number of reads from connections, each of which may have brought many commands."""
        fields = dict(line.split(":", 1) for line in self.ask("INFO", "stats").splitlines() if ":" in line)
        return int(fields["total_reads_processed"])

    def ready(self):
        return self.ask("PING") == "PONG"
