"""Requests generated from the contract, for hypothesis: sound ones, which its schemas allow, and broken ones, which
they do not. requests(operation, surroundings) draws a Request that says which of both it is."""

import dataclasses
import datetime
import functools
import json
import re
import string
import urllib.parse

from hypothesis import strategies as st

import contract as contracts

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7f))
VISIBLE = "가나다쿠폰선착순ÄßçЖ中あ☕🎁" + string.ascii_letters + string.digits
UNNAMED = "x-required-without-identity"  # what the tests that have none must send
BODY_BYTES_MAX = 16_384  # gateway/body_bytes_max and gateway/header_bytes_max by default


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    target: str
    version: str
    headers: tuple
    body: bytes
    sound: bool  # it is as the contract demands
    token: bool  # it may do everything

    def in_bytes(self):
        lines = [f"{self.method} {self.target} HTTP/{self.version}", *(": ".join(field) for field in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclasses.dataclass(frozen=True)
class Surroundings:
    coupons: tuple  # ids of coupons that exist
    holder: str  # a user who has issues of most of them
    token: str
    tags: tuple  # entity tags, those of coupons among them


# --- values ---


@st.composite
def times(draw):
    """RFC 3339 in all forms that requests may have."""
    time = draw(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(9998, 1, 1)))
    seconds = draw(st.sampled_from(["", ":%S", ":%S.%f", ":%S.5", ":%S.123456789"]))
    offset = draw(st.sampled_from(["Z", "z", "+00:00", "+09:00", "-03:30"]))
    between = draw(st.sampled_from("Tt"))
    return f"{time.year:04}" + time.strftime(f"-%m-%d{between}%H:%M{seconds}") + offset


def _texts(schema):
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 30)
    if "pattern" not in schema:
        return st.one_of(st.text(VISIBLE, min_size=shortest, max_size=longest // 4),
                         st.sampled_from(["x" * longest, "가" * (longest // 3)]))
    alphabet = [letter for letter in PRINTABLE if re.fullmatch(schema["pattern"], letter)]
    if not alphabet:  # the text has parts
        return st.sampled_from(schema["examples"])
    return st.one_of(st.text(alphabet, min_size=shortest, max_size=longest),
                     st.sampled_from([alphabet[0] * longest, alphabet[-1] * shortest]))


CARRIED = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20)  # coupond stores no others
CARRIED_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-2 ** 63, 2 ** 63 - 1), CARRIED,
                           st.floats(allow_nan=False, allow_infinity=False))
CARRIED_JSON = st.recursive(CARRIED_LEAVES, lambda inner: st.lists(inner, max_size=3)
                            | st.dictionaries(CARRIED, inner, max_size=3), max_leaves=4)


def _free_objects(schema):
    """Objects that coupond carries, up to one that is as large as it may be."""
    largest = {"x": "y" * (schema["x-max-bytes"] - len('{"x":""}'))}
    return st.one_of(st.dictionaries(CARRIED, CARRIED_JSON, max_size=4), st.just(largest))


def _objects(schema):
    if "properties" not in schema:
        return _free_objects(schema)
    required = {*schema.get("required", ()), *schema.get(UNNAMED, ())}
    members = {name: from_schema(member) for name, member in schema["properties"].items()}
    return st.fixed_dictionaries({name: strategy for name, strategy in members.items() if name in required},
                                 optional={name: strategy for name, strategy in members.items()
                                           if name not in required})


def _from_type(kind, schema):
    if kind == "string":
        return times() if schema.get("format") == "date-time" else _texts(schema)
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "object":
        return _objects(schema)
    if kind == "array":
        return st.lists(from_schema(schema["items"]), min_size=schema["minItems"], max_size=4)
    return {"null": st.none(), "boolean": st.booleans()}[kind]


def by_schema(make):
    """Makes the strategy of a schema once: that takes longer than to draw from it."""
    made = {}

    @functools.wraps(make)
    def made_once(schema):
        key = json.dumps(schema, sort_keys=True)
        if key not in made:
            made[key] = make(schema)
        return made[key]
    return made_once


@by_schema
def from_schema(schema):
    """Values that the schema allows. It has the keywords that the schemas of requests have."""
    if "anyOf" in schema:
        return st.one_of([from_schema(one) for one in schema["anyOf"]])
    if "allOf" in schema:
        return from_schema(schema["allOf"][0])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    strategies = [_from_type(kind, schema) for kind in kinds]
    if "examples" in schema:  # requests meet what earlier ones have made
        strategies.append(st.sampled_from(schema["examples"]))
    return st.one_of(strategies).filter(lambda value: _allows(schema, value))


def _allows(schema, value):
    return not contracts.mistakes(schema, value)


def _beyond(schema):
    """Values of the right type right behind the bounds."""
    if "anyOf" in schema:
        return [value for one in schema["anyOf"] for value in _beyond(one)]
    if "allOf" in schema:
        return _beyond(schema["allOf"][0])
    if "x-max-bytes" in schema:
        most = schema["x-max-bytes"]
        return [{"x": "y" * (most - len('{"x":""}') + 1)}, ["y" * 60] * (most // 63 + 1), []]
    letter = "a" if "pattern" in schema else "가"
    found = [letter * (schema["maxLength"] + 1)] if "maxLength" in schema else []
    found += [letter * (schema["minLength"] - 1)] if "minLength" in schema else []
    found += [schema["minimum"] - 1] if "minimum" in schema else []
    found += [schema["maximum"] + 1] if "maximum" in schema else []
    return found + schema.get("not", {}).get("enum", [])


@by_schema
def not_from_schema(schema):
    """JSON that the schema does not allow."""
    near = [value for value in _beyond(schema) if not _allows(schema, value)]
    others = anything().filter(lambda value: not _allows(schema, value))
    return st.one_of(st.sampled_from(near), others) if near else others


def as_parameter(value):
    """As it is written in a path or a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_parameter(schema, text):
    """The value that a text in a path or a query stands for."""
    if schema["type"] == "integer":
        return int(text) if re.fullmatch("0|[1-9][0-9]*", text) else text
    if schema["type"] == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _allows_parameter(schema, text):
    return _allows(schema, _from_parameter(schema, text))


@by_schema
def parameters_not_from_schema(schema):
    near = [as_parameter(value) for value in [*_beyond(schema), -1, 0, "", " ", "+1", "1.0", "01x", "TRUE", "a\nb"]]
    texts = st.one_of(st.text(max_size=80), st.text(PRINTABLE, max_size=80))
    no_number = texts.filter(lambda text: schema["type"] != "integer" or not re.fullmatch("[0-9]*", text))
    return st.one_of(st.sampled_from([text for text in near if not _allows_parameter(schema, text)]),
                     no_number.filter(lambda text: not _allows_parameter(schema, text)))


@functools.cache
def anything():
    """JSON of all kinds, with the values around limits."""
    edges = st.sampled_from([0, -1, 1.0, 1.5, 201, 1001, 4_000_000_001, 2 ** 31, 2 ** 63, 10 ** 30, "", ".", "..",
                             "a b", "a/b", "a\n", "x" * 33, "x" * 65, "x" * 513, "가" * 171, "\u202e", "\u0000",
                             "2026-01-01", "2026-01-01T00:00:00", "yesterday"])
    leaves = st.one_of(edges, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
                       st.text(max_size=70))
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3)
                        | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=4)


# --- the parts of a request: (value, whether it is sound) ---


def _restricted(parameters):
    """The names of those that not every text can be."""
    return [name for name, parameter in parameters.items()
            if parameter["schema"]["type"] != "string" or "pattern" in parameter["schema"]]


@st.composite
def paths(draw, operation, sound, surroundings):
    target = operation.path
    parameters = operation.parameters_in("path")
    broken = None if sound else draw(st.sampled_from(sorted(_restricted(parameters))))
    for name, parameter in parameters.items():
        schema = parameter["schema"]
        if name == broken:
            text = draw(parameters_not_from_schema(schema).filter(bool))
        elif name == "id" and draw(st.integers(0, 4)) > 0:
            text = draw(st.sampled_from(surroundings.coupons))
        elif name == "user_id" and draw(st.booleans()):
            text = surroundings.holder
        else:
            text = as_parameter(draw(from_schema(schema)))
        target = target.replace(f"{{{name}}}", urllib.parse.quote(text, safe=":@"))
    return target


def takes_any_query(operation):
    """Whether a parameter stands for all: an object whose members are the pairs."""
    return any(parameter["schema"].get("type") == "object" for parameter in operation.parameters_in("query").values())


@st.composite
def queries(draw, operation, sound):
    known = operation.parameters_in("query")
    if takes_any_query(operation):
        return draw(st.sampled_from(["", "lang=ko", "utm_source=letter&x", "%20=1&=&&"]))
    pairs = {name: as_parameter(draw(from_schema(parameter["schema"]))) for name, parameter in known.items()
             if parameter.get("required") or draw(st.booleans())}
    if not sound:
        name = draw(st.sampled_from([None, *known]))
        if name is None:
            name = draw(st.text(PRINTABLE, min_size=1, max_size=60).filter(lambda name: name not in known))
            pairs[name] = "1"
        elif known[name].get("required") and draw(st.booleans()):
            del pairs[name]
        else:
            pairs[name] = draw(parameters_not_from_schema(known[name]["schema"]))
    pairs = draw(st.permutations(sorted(pairs.items())))
    return "&".join(f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(text, safe='')}" for name, text in pairs)


def _as_text(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def needs_body(operation):
    return operation.body["required"] or operation.body.get(UNNAMED, False)


@st.composite
def sound_bodies(draw, operation, target):
    if operation.body is None or (not needs_body(operation) and draw(st.booleans())):
        return b""
    value = draw(from_schema(operation.body_schema()))
    if operation.name in ("ensureIssue", "ensureNthIssue") and "user_id" in value:  # the same as in the path
        value = {"user_id": urllib.parse.unquote(target.split("/")[5])}
    spaces = draw(st.sampled_from(["", " ", "\r\n\t "])).encode()
    return spaces + _as_text(value) + spaces


@st.composite
def _broken_values(draw, schema):
    """JSON that the schema does not allow, mostly by one mistake."""
    value = draw(from_schema(schema))
    names = sorted(schema["properties"])
    mistake = draw(st.sampled_from(["member", "missing", "unknown", "whole"]))
    if mistake == "member":
        name = draw(st.sampled_from(names))
        value[name] = draw(not_from_schema(schema["properties"][name]))
    elif mistake == "missing" and (schema.get("required") or schema.get(UNNAMED)):
        del value[draw(st.sampled_from(sorted([*schema.get("required", ()), *schema.get(UNNAMED, ())])))]
    elif mistake == "whole":
        return draw(not_from_schema(schema))
    else:
        value[draw(st.text(min_size=1, max_size=60).filter(lambda name: name not in names))] = draw(anything())
    return value


@st.composite
def _broken_texts(draw, schema):
    """Bytes that are no JSON, or JSON that nobody should read."""
    text = _as_text(draw(from_schema(schema).filter(bool)))
    member = text[1:].split(b":", 1)[0]
    return draw(st.sampled_from([
        text[:-1], text + b"x", text + text, text[:-1] + b"," + text[1:], b"\xef\xbb\xbf" + text, b"[" * 3000,
        b"{" + member + b":1e999}", b"{" + member + b":" + b"9" * 400 + b"}", b"{" + member + b":NaN}",
        b"{" + member + b':"\xff"}', b"{" + member + b':"\\ud800"}', b"{" + member + b':"\\u0000"}', b"{'a':1}",
        text + b" " * BODY_BYTES_MAX, b"\0" + text]))


def broken_bodies(operation):
    if operation.body is None:
        return st.binary(min_size=1, max_size=50)
    schema = operation.body_schema()
    texts = [_broken_values(schema).map(_as_text), _broken_texts(schema)]
    return st.one_of([*texts, st.just(b"")] if needs_body(operation) else texts)


JSON_TYPES = ["application/json", "Application/JSON", "application/json; charset=utf-8",
              'application/json;charset="UTF-8"']
OTHER_TYPES = [None, "", "text/plain", "application/xml", "application/json; charset=latin-1", "application/jsonx",
               "application/problem+json", "application/x-www-form-urlencoded"]

# What HTTP itself does not allow, or coupond does not support.
BROKEN_FIELDS = [
    [("X", "a\x01")], [("X Y", "z")], [("Host", "again")], [("Transfer-Encoding", "gzip")], [("", "x")],
    [("X", "y")] * 101, [("X", "y" * BODY_BYTES_MAX)], [("Authorization", "Bearer a"), ("Authorization", "Bearer a")],
    [("Content-Encoding", "gzip")], [("Content-Length", "1"), ("Content-Length", "2")], [("Content-Length", "-1")],
]


@functools.cache
def fields(surroundings):
    """Headers that are sound whatever they say."""
    tags = st.lists(st.sampled_from([*surroundings.tags, '"x"', 'W/"y"', "*", "", ","]), max_size=3).map(", ".join)
    values = {"If-Match": tags, "If-None-Match": tags, "Cache-Control": st.sampled_from(["no-cache", "no-store", ""]),
              "traceparent": st.text(PRINTABLE, max_size=60), "X-Request-Id": st.text(PRINTABLE, max_size=140),
              "Content-Encoding": st.just("identity"), "Accept": st.just("text/html")}
    some = st.lists(st.sampled_from(sorted(values)), max_size=2, unique=True)
    return some.flatmap(lambda names: st.tuples(*(st.tuples(st.just(name), values[name]) for name in names)))


KEY = "Idempotency-Key"


@st.composite
def idempotency_keys(draw, operation, sound):
    """The header lines; every key is sound for the other operations."""
    known = operation.parameters_in("header").get(KEY)
    if known is None:
        return draw(st.sampled_from([[], [], [(KEY, "")], [(KEY, "x" * 300)]]))
    if sound:
        return draw(st.one_of(st.just([]), from_schema(known["schema"]).map(lambda key: [(KEY, key)])))
    return draw(st.sampled_from([[(KEY, "")], [(KEY, "x" * 256)], [(KEY, "a"), (KEY, "b")], [(KEY, "a"), (KEY, "a")]]))


# --- requests ---


@st.composite
def requests(draw, operation, surroundings):
    parts = ["body", "fields", *([] if takes_any_query(operation) else ["query"]), "version",
             *(["path"] if _restricted(operation.parameters_in("path")) else []),
             *(["media type"] if operation.body else []),
             *(["key"] if KEY in operation.parameters_in("header") else [])]
    broken = draw(st.one_of(st.none(), st.sampled_from(parts)))
    token = not operation.secured or draw(st.integers(0, 4)) > 0
    target = draw(paths(operation, broken != "path", surroundings))
    query = draw(queries(operation, broken != "query"))
    body = draw(broken_bodies(operation) if broken == "body" else sound_bodies(operation, target))
    if broken == "media type" and not body:  # nothing has no type
        broken = None
    media_type = draw(st.sampled_from(OTHER_TYPES if broken == "media type" else JSON_TYPES))
    headers = [("Host", "coupond"), *draw(fields(surroundings)), *draw(idempotency_keys(operation, broken != "key"))]
    if media_type is not None and (body or draw(st.booleans())):
        headers.append(("Content-Type", media_type))
    if operation.secured:
        scheme = draw(st.sampled_from(["Bearer ", "bearer "]))
        wrong = draw(st.sampled_from([[], [("Authorization", "Bearer x")], [("Authorization", surroundings.token)]]))
        headers += [("Authorization", scheme + surroundings.token)] if token else wrong
    if broken == "fields":
        headers += draw(st.sampled_from(BROKEN_FIELDS))
    if body or draw(st.booleans()):
        headers.append(("Content-Length", str(len(body))))
    method = "HEAD" if operation.method == "GET" and draw(st.integers(0, 4)) == 0 else operation.method
    version = draw(st.sampled_from(["2.0", "0.9", "1.2"])) if broken == "version" else "1.1"
    target += "?" + query if query else ""
    return Request(method, target, version, tuple(headers), body, broken is None, token)
