"""ZeroMQ's CURVE as far as strangers need it: the public key of a cluster's listeners, and sockets that know this key
but use a key pair of their own. Uses libzmq and libsodium, which coupond needs anyway."""

import ctypes
import time

SOCKETS = {"DEALER": 5, "PULL": 7, "PUSH": 8}
LINGER, RECEIVE_MS, SEND_MS, PUBLIC_KEY, SECRET_KEY, LISTENER_KEY = 17, 27, 28, 48, 49, 50
KEY_BYTES = 32
KDF_CONTEXT, DERIVED_LISTENER = b"coupond1", 1  # as in shared/wire/cluster_keys.c


def listener_key(secret_file):
    """The public key of the listeners, derived from the cluster's secret."""
    sodium = ctypes.CDLL("libsodium.so.23")
    with open(secret_file, encoding="ascii") as file:
        secret = bytes.fromhex(file.read().strip())
    seed, public, private = (ctypes.create_string_buffer(KEY_BYTES) for _ in range(3))
    derived = sodium.crypto_kdf_derive_from_key(seed, ctypes.c_size_t(KEY_BYTES), ctypes.c_uint64(DERIVED_LISTENER),
                                                KDF_CONTEXT, secret)
    assert derived == 0 and sodium.crypto_box_seed_keypair(public, private, seed) == 0
    return public.raw


class Curve:
    """A client that uses a new key pair for each connection."""

    def __init__(self, listener):
        self.listener = listener
        self.zmq = ctypes.CDLL("libzmq.so.5")
        for name in ("zmq_ctx_new", "zmq_socket"):
            getattr(self.zmq, name).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())

    def ask(self, endpoint, kind, messages, seconds):
        """Sends all frames and returns the beginning of the first answer, or None when none arrives in time."""
        socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, SOCKETS[kind]))
        try:
            self._prepare(socket, int(seconds * 1000))
            assert self.zmq.zmq_connect(socket, endpoint.encode()) == 0, endpoint
            for message in messages:
                self.zmq.zmq_send(socket, message, ctypes.c_size_t(len(message)), 0)
            if kind == "PUSH":
                time.sleep(seconds)  # there is no answer to wait for
                return None
            return self._receive(socket)
        finally:
            self.zmq.zmq_close(socket)

    def _prepare(self, socket, patience_ms):
        public, private = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
        assert self.zmq.zmq_curve_keypair(public, private) == 0
        for option, value in ((PUBLIC_KEY, public.raw), (SECRET_KEY, private.raw), (LISTENER_KEY, self.listener)):
            assert self.zmq.zmq_setsockopt(socket, option, value, ctypes.c_size_t(len(value))) == 0
        for option, value in ((LINGER, 0), (RECEIVE_MS, patience_ms), (SEND_MS, patience_ms)):
            assert self.zmq.zmq_setsockopt(socket, option, ctypes.byref(ctypes.c_int(value)), ctypes.c_size_t(4)) == 0

    def _receive(self, socket):
        answer = ctypes.create_string_buffer(4_096)
        count = self.zmq.zmq_recv(socket, answer, ctypes.c_size_t(4_096), 0)
        return None if count < 0 else repr(answer.raw[:min(count, 60)])
