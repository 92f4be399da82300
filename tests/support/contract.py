"""api/openapi.yaml as tests use it: operations with their references resolved, and what of an answer, or of a body, it
does not allow."""

import copy
import json
import re

import jsonschema
import yaml

from cluster import REPOSITORY

METHODS = ("get", "put", "post", "patch", "delete", "head", "options", "trace")
BY_HTTP = {"date", "connection", "content-type", "content-length", "vary"}  # headers of any answer
CROSS_ORIGIN = "access-control-"


def read():
    return yaml.safe_load((REPOSITORY / "api/openapi.yaml").read_text(encoding="utf-8"))


def resolved(node, root):
    """A copy without references. The contract has no circles."""
    if isinstance(node, list):
        return [resolved(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(target, root)
    return {name: resolved(value, root) for name, value in node.items()}


class Operation:
    def __init__(self, path, method, item, shared):
        self.path = path
        self.method = method.upper()
        self.name = item["operationId"]
        self.parameters = [*shared, *item.get("parameters", [])]
        self.body = item.get("requestBody")
        self.responses = item["responses"]
        schemes = {name for choice in item.get("security", []) for name in choice}
        self.secured = "adminToken" in schemes  # without identity
        self.identified = "token" in schemes
        self.permissions = item.get("x-permissions")

    def parameters_in(self, place):
        return {parameter["name"]: parameter for parameter in self.parameters if parameter["in"] == place}

    def body_schema(self):
        return self.body["content"]["application/json"]["schema"]


def operations(contract):
    return [Operation(path, method, item, paths.get("parameters", []))
            for path, paths in resolved(contract["paths"], contract).items()
            for method, item in paths.items() if method in METHODS]


# --- schemas ---


def _pattern(_validator, pattern, text, _schema):
    """As ECMAScript has it: $ is the end, not the line break before it."""
    if isinstance(text, str) and not re.search(pattern.replace("$", r"\Z"), text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


def compact(value):
    """The value as coupond carries it: UTF-8 without spaces between its parts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _max_bytes(_validator, most, value, _schema):
    if value is not None and len(compact(value)) > most:
        yield jsonschema.ValidationError(f"{value!r} has more than {most} bytes")


def _is_integer(_checker, value):
    """1.0 is none, as the server has it."""
    return isinstance(value, int) and not isinstance(value, bool)


_BASE = getattr(jsonschema, "Draft202012Validator", jsonschema.Draft7Validator)
_VALIDATOR = jsonschema.validators.extend(_BASE, {"pattern": _pattern, "x-max-bytes": _max_bytes},
                                          type_checker=_BASE.TYPE_CHECKER.redefine("integer", _is_integer))


def check_schema(schema):
    _BASE.check_schema(schema)


def mistakes(schema, value):
    """What is wrong with the value, in words. The schema has no references."""
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in _VALIDATOR(schema).iter_errors(value)]


def _joined(schema):
    """The objects of allOf as one, so that each may have the members of the others."""
    parts = [part for part in schema.get("allOf", []) if isinstance(part, dict) and part.get("type") == "object"]
    if len(parts) < 2:
        return schema
    others = [part for part in schema["allOf"] if part not in parts]
    return {"type": "object", "required": [name for part in parts for name in part.get("required", [])],
            "properties": {name: member for part in parts for name, member in part["properties"].items()},
            "allOf": [*others, *(rule for part in parts for rule in part.get("allOf", []))]}


def closed(schema):
    """A copy in which objects have no members but those that are documented: what we answer is in the contract."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return copy.copy(schema)
    copied = {name: closed(value) for name, value in _joined(schema).items()}
    if schema.get("type") == "object" and "properties" in schema:
        copied.setdefault("additionalProperties", False)
    return copied


# --- answers ---


def _header_value(schema, text):
    return int(text) if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text) else text


def _header_faults(documented, headers):
    documented = {name.lower(): header for name, header in documented.items()}
    given = {name.lower(): value for name, value in headers.items()}
    for name, header in documented.items():
        if name not in given and header.get("required"):
            yield f"the header {name} is missing"
        if name in given:
            schema = header["schema"]
            yield from (f"header {name}: {text}" for text in mistakes(schema, _header_value(schema, given[name])))
    for name in sorted(set(given) - set(documented) - BY_HTTP):
        if not name.startswith(CROSS_ORIGIN):
            yield f"the header {name} is not documented"


def _body_faults(content, media_type, body):
    kind = media_type.split(";")[0].strip()
    if kind not in content:
        yield f"the media type {kind!r} is not documented"
    elif kind in ("text/csv", "application/x-ndjson"):
        yield from mistakes(content[kind]["schema"], body.decode())
    elif "json" in kind:
        try:
            yield from mistakes(closed(content[kind]["schema"]), json.loads(body))
        except ValueError as error:
            yield f"the body is not JSON: {error}"


def answer_faults(operation, status, headers, body):
    """What the operation does not allow of an answer; `body` is bytes, None of an answer to HEAD."""
    response = operation.responses.get(str(status))
    if response is None:
        return [f"{operation.name}: the status {status} is not documented"]
    found = list(_header_faults(response.get("headers", {}), headers))
    if "content" not in response:
        found += ["the answer has a body"] * bool(body)
    elif body is not None:
        found += _body_faults(response["content"], headers.get("Content-Type", ""), body)
    return [f"{operation.name}: {status}: {text}" for text in found]
