"""Persisters that acknowledge whatever they receive, though they store nothing. They speak ZMTP and coupond's protocol
correctly but have no secret: a cluster with a secret must ignore them."""

import struct
import threading

from zmtp import Wire

HEADER = "<IBBHHHIQq"  # magic, version, kind, partition, partitions, reserved, count, incarnation, clock
ACK = 6
EVENTS_FIXED = 16 + 16 + 8 + 8  # journal id, store id, first and last sequence: what an acknowledgement gives back


def acknowledgement(frame):
    """The acknowledgement that a real persister would send after storing this frame of events."""
    magic, version, _, partition, partitions, *_ = struct.unpack_from(HEADER, frame)
    size = struct.calcsize(HEADER)
    return struct.pack(HEADER, magic, version, ACK, partition, partitions, 0, 1, 0, 0) + frame[size:size + EVENTS_FIXED]


class Liar:
    """Sends false acknowledgements on a thread of its own until it is disconnected."""

    def __init__(self, cluster):
        self.lies = 0
        self.refused = None
        self.thread = threading.Thread(target=self._lie, args=(cluster.options,), daemon=True)
        self.thread.start()

    def _lie(self, options):
        try:
            with (Wire.connect(options["issuer/events"], "PULL") as events,
                  Wire.connect(options["issuer/acks"], "PUSH") as acks):
                while True:
                    acks.send(acknowledgement(events.receive()))
                    self.lies += 1
        except OSError as error:
            self.refused = error

    def wait_for_end(self, seconds=60):
        self.thread.join(seconds)
        return not self.thread.is_alive()
