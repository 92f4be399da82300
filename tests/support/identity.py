"""Tokens for tests, signed here and by `coupond token`, and a server of JWK sets that can misbehave."""

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time

from cluster import run_coupond

SECRET = b"0123456789abcdef0123456789abcdef"
HEAD = {"alg": "HS256", "typ": "JWT", "kid": "shared"}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(secret=SECRET, kid="shared", **more):
    return {"kty": "oct", "kid": kid, "k": base64url(secret), **more}


def write_keys(path, *keys):
    """Replaces the file at once."""
    following = path.with_suffix(".next")
    following.write_text(json.dumps({"keys": keys or [jwk()]}))
    following.rename(path)
    return path


def text(value):
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def sign(claims, head=None, secret=SECRET):
    """A token of these claims, or of this text in their place, by HMAC."""
    message = f"{base64url(text(head or HEAD))}.{base64url(text(claims))}"
    return f"{message}.{base64url(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


def claims_of(user, *roles, **more):
    return {"sub": user, "exp": int(time.time()) + 600, **({"roles": list(roles)} if roles else {}), **more}


def token(user, *roles, **more):
    return sign(claims_of(user, *roles, **more))


def bearer(credentials):
    return {"Authorization": f"Bearer {credentials}"}


class Keys:
    """A file of keys that `coupond token` made, and the tokens that it signs."""

    def __init__(self, path, algorithm):
        self.path = path
        result = run_coupond("token", "--new-keys", path, "--alg", algorithm)
        assert result.returncode == 0, result.stderr

    def token(self, user, *more):
        result = run_coupond("token", "--keys", self.path, "--user", user, *more)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def public(self):
        result = run_coupond("token", "--keys", self.path, "--public")
        assert result.returncode == 0, result.stderr
        return result.stdout


class KeyServer:
    """Serves `body` with `status` under /keys; counts requests. `slow` sends a byte a second."""

    def __init__(self, certificate=None):
        self.body, self.status, self.slow, self.asked = "", 200, False, 0
        self.stopped = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}/keys"

    def _handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name # the name is http.server's
                server.asked += 1
                data = server.body.encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(data)))
                if server.status == 302:
                    self.send_header("Location", server.url)
                self.end_headers()
                for byte in data if server.slow else ():
                    self.wfile.write(bytes([byte]))
                    if server.stopped.wait(1):
                        return
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler
