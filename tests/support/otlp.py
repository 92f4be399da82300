"""A collector of traces over OTLP/HTTP: a real HTTP server that checks each request against the protocol's definition.

    with Collector() as collector:
        … collector.url …
        spans = collector.wait_trace(trace_id)   # the spans of a trace, once there are any

SCHEMA has the messages of opentelemetry-proto 1.x (trace/v1/trace.proto, common/v1/common.proto,
resource/v1/resource.proto, collector/trace/v1/trace_service.proto) in the JSON encoding that the OTLP specification
prescribes: lowerCamelCase names, ids in hexadecimal, 64-bit integers as strings, enums as numbers.
"""

import http.server
import json
import socket
import threading
import time

import jsonschema

from cluster import wait_until
from ports import free_port


def message(required=(), **members):
    return {"type": "object", "required": list(required), "properties": members, "additionalProperties": False}


def many(of, least=0):
    return {"type": "array", "items": of, "minItems": least}


TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2 ** 32 - 1}
NANOSECONDS = {"type": "string", "pattern": "^[1-9][0-9]{18}$"}
TRACE_ID = {"type": "string", "pattern": "^(?!0{32})[0-9a-f]{32}$"}
SPAN_ID = {"type": "string", "pattern": "^(?!0{16})[0-9a-f]{16}$"}
VALUE = {**message(stringValue=TEXT, boolValue={"type": "boolean"}, doubleValue={"type": "number"},
                   intValue={"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,18})$"}),
         "minProperties": 1, "maxProperties": 1}
ATTRIBUTES = many(message(["key", "value"], key={**TEXT, "minLength": 1}, value=VALUE))
STATUS = message(message=TEXT, code={"enum": [0, 1, 2]})
SPAN = message(["traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"], traceId=TRACE_ID,
               spanId=SPAN_ID, traceState=TEXT, parentSpanId=SPAN_ID, flags=COUNT, name={**TEXT, "minLength": 1},
               kind={"enum": [1, 2, 3, 4, 5]}, startTimeUnixNano=NANOSECONDS, endTimeUnixNano=NANOSECONDS,
               attributes=ATTRIBUTES, droppedAttributesCount=COUNT, droppedEventsCount=COUNT, droppedLinksCount=COUNT,
               status=STATUS)
SCOPE = message(["name"], name=TEXT, version=TEXT, attributes=ATTRIBUTES, droppedAttributesCount=COUNT)
RESOURCE = message(["attributes"], attributes=ATTRIBUTES, droppedAttributesCount=COUNT)
SCHEMA = message(["resourceSpans"], resourceSpans=many(
    message(["resource", "scopeSpans"], resource=RESOURCE, schemaUrl=TEXT, scopeSpans=many(
        message(["scope", "spans"], scope=SCOPE, spans=many(SPAN, 1), schemaUrl=TEXT), 1)), 1))


def attributes(holder):
    """{key: value} of a span or resource."""
    values = {"stringValue": str, "boolValue": bool, "intValue": int, "doubleValue": float}
    found = {}
    for pair in holder["attributes"]:
        (kind, value), = pair["value"].items()
        assert pair["key"] not in found
        found[pair["key"]] = values[kind](value)
    return found


class Span:
    def __init__(self, told):
        self.trace_id, self.id, self.parent = told["traceId"], told["spanId"], told.get("parentSpanId")
        self.name, self.kind = told["name"], told["kind"]
        self.start, self.end = int(told["startTimeUnixNano"]), int(told["endTimeUnixNano"])
        self.attributes = attributes(told)
        self.error = told["status"].get("message") if told["status"].get("code") == 2 else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        self.server.collector.take(self, self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self):  # pylint: disable=invalid-name
        self.server.collector.faults.append(f"GET {self.path}")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Collector:
    """`answer` can be replaced: a function of the handler, which answers and returns whether the spans are kept."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1/traces"
        self.answer = accept
        self.faults, self.spans, self.resources, self.headers = [], [], [], []
        self.requests = 0
        self.server = None

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.collector = self
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.server.shutdown()
        self.server.server_close()
        assert kind is not None or self.faults == []

    def take(self, handler, body):
        self.requests += 1
        self.headers.append(handler.headers)
        try:
            told = json.loads(body)
            jsonschema.validate(told, SCHEMA)
            if handler.path != "/v1/traces" or handler.headers["Content-Type"] != "application/json":
                raise ValueError(f"{handler.path} {handler.headers['Content-Type']}")
        except (ValueError, jsonschema.ValidationError) as error:
            self.faults.append(str(error))
            return
        if not self.answer(handler):
            return
        for resource in told["resourceSpans"]:
            self.resources.append(attributes(resource["resource"]))
            self.spans += [Span(span) for scope in resource["scopeSpans"] for span in scope["spans"]]

    def trace(self, trace_id):
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_trace(self, trace_id):
        return wait_until(lambda: self.trace(trace_id), lambda: f"a trace {trace_id}; {self.faults}")


# --- answers ---


def respond(handler, status, headers=None, body=b"{}"):
    handler.send_response(status)
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    for name, value in fields.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def accept(handler):
    respond(handler, 200)
    return True


def reject_some(handler):
    respond(handler, 200, body=b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}')
    return False


def refuse(handler):
    respond(handler, 400)
    return False


def busy(handler):
    respond(handler, 429, {"Retry-After": "1"})
    return False


def redirect(handler):
    respond(handler, 302, {"Location": f"http://127.0.0.1:{handler.server.server_port}/elsewhere"})
    return False


def hang(handler):
    """Answers nothing, and keeps the connection."""
    handler.close_connection = True
    handler.connection.settimeout(60)
    try:
        handler.connection.recv(1)
    except OSError:
        pass
    return False


def flood(handler):
    """An answer that does not end."""
    handler.close_connection = True
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass
    return False


def babble(handler):
    """No HTTP."""
    handler.close_connection = True
    try:
        handler.wfile.write(bytes(range(256)) * 16)
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    return False
