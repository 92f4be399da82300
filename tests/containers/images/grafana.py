"""A stand-in for Grafana, which Debian does not package. It reads the files that Grafana would read, reports them, and
answers its health check."""

import http.server
import json
import os
import pathlib
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
secret = pathlib.Path(os.environ["GF_SECURITY_ADMIN_PASSWORD__FILE"]).read_text(encoding="utf-8")
print("password of", len(secret.strip()), "characters", flush=True)
for path in sorted(pathlib.Path("/etc/grafana/provisioning").rglob("*.y*ml")):
    print("provisioning", path.name, len(path.read_text(encoding="utf-8")), flush=True)
for path in sorted(pathlib.Path("/var/lib/grafana/dashboards").glob("*.json")):
    print("dashboard", json.loads(path.read_text(encoding="utf-8"))["title"], flush=True)
for place in ("/var/lib/grafana/grafana.db", "/tmp/written"):
    pathlib.Path(place).write_text("written", encoding="utf-8")
    print("writes", place, flush=True)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"database": "ok"}')

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 3000), Answer).serve_forever()
