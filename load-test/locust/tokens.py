"""Tokens of the crowd: signed by the worker that a user belongs to, with the shared key of a JWK set. Pure but for the
file."""

import base64
import hashlib
import hmac
import json
import time

VALID_SECONDS = 3600


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """The first symmetric key of the file; with an empty path nobody has a token."""

    def __init__(self, path):
        self.key, self.head = None, ""
        if path:
            with open(path, encoding="utf-8") as file:
                key = next(key for key in json.load(file)["keys"] if key["kty"] == "oct")
            self.key = base64.urlsafe_b64decode(key["k"] + "=" * (-len(key["k"]) % 4))
            self.head = base64url(json.dumps({"alg": "HS256", "typ": "JWT", "kid": key["kid"]}).encode())

    def token(self, user, now=time.time):
        claims = base64url(json.dumps({"sub": user, "roles": ["user"], "exp": int(now()) + VALID_SECONDS}).encode())
        message = f"{self.head}.{claims}"
        return f"{message}.{base64url(hmac.new(self.key, message.encode(), hashlib.sha256).digest())}"
