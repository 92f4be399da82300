"""Compares a contract with the tables of the program. Each function yields what is wrong, in words."""

import functools
import json
import re
import subprocess

import contract as contracts
from cluster import REPOSITORY, binary


def source(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


# --- routes ---


def routes_of_the_program():
    """{(method, path): flags} without the parts of pages"""
    rows = re.findall(r'\{METHOD_(\w+), "([^"]+)", ([^,]+), METRIC_ROUTE_', source("gateway/api/routes.c"))
    routes = {(method, path): set(re.findall(r"ROUTE_(\w+)", flags)) for method, path, flags in rows}
    return {route: flags for route, flags in routes.items() if "ASSET" not in flags}


def flags_of(operation):
    """The flags that the operation's row should have."""
    flags = set()
    if operation.body is not None:
        flags.add("JSON" if operation.body["required"] else "OBJECT")
    if operation.parameters_in("query"):
        flags.add("QUERY")
    if "If-Match" in operation.parameters_in("header"):
        flags.add("ETAG")
    return flags


def route_faults(contract):
    described = {(operation.method, operation.path): flags_of(operation)
                 for operation in contracts.operations(contract)}
    routes = routes_of_the_program()
    for method, path in sorted(set(routes) - set(described)):
        yield f"{method} {path} is not in the contract"
    for method, path in sorted(set(described) - set(routes)):
        yield f"{method} {path} is no route of the program"
    for route in sorted(set(routes) & set(described)):
        if routes[route] != described[route]:
            yield f"{' '.join(route)} is {sorted(routes[route])}, the contract says {sorted(described[route])}"


ROLES = ("user", "seller", "service", "viewer", "admin")


@functools.cache
def permissions_of_the_program():
    """{(method, path): row of `coupond permissions --json`}"""
    told = subprocess.run([binary(), "permissions", "--json"], check=True, capture_output=True, text=True, timeout=60)
    return {(row["method"], row["path"]): row for row in json.loads(told.stdout)["permissions"]}


def permission_words(row):
    """As x-permissions of the contract has it."""
    if row["anyone"]:
        return ["anyone"]
    return [role if role in row["any"] else f"{role}:own" for role in ROLES if role in row["any"] + row["own"]]


def permission_faults(contract):
    rows = permissions_of_the_program()
    for operation in contracts.operations(contract):
        row = rows.get((operation.method, operation.path))
        if row is not None and operation.permissions != permission_words(row):
            yield (f"{operation.method} {operation.path} permits {operation.permissions}, "
                   f"the program {permission_words(row)}")
        if row is not None and operation.secured != (row["without_identity"] == "admin_token"):
            yield f"{operation.method} {operation.path} differs in whether it needs the admin token"
        if row is not None and operation.identified == row["anyone"]:
            yield f"{operation.method} {operation.path} differs in whether it takes a token"
        if row is not None and not row["anyone"] and not {"401", "403"} <= set(operation.responses):
            yield f"{operation.method} {operation.path} does not say that it may be refused"


def parameter_faults(contract):
    """The names in a path are its parameters."""
    for operation in contracts.operations(contract):
        named = set(re.findall(r"\{(\w+)\}", operation.path))
        if named != set(operation.parameters_in("path")):
            yield f"{operation.name}: {operation.path} has the parameters {sorted(operation.parameters_in('path'))}"


# --- errors ---


def errors_of_the_program():
    """[(code, status, title, detail)]"""
    rows = re.findall(r'ERROR\([A-Z_]+, "(\w+)", (\d+), "([^"]*)", "([^"]*)"\)', source("gateway/reply/error_codes.h"))
    return [(code, int(status), title, detail) for code, status, title, detail in rows]


def _codes_in(response):
    """{(code, status)} of a response's problem."""
    content = response.get("content", {}).get("application/problem+json")
    if content is None:
        return set()
    told = content["schema"]["allOf"][1]["properties"]
    return {(code, told["status"]["const"]) for code in told["code"]["enum"]}


def error_faults(contract):
    errors = errors_of_the_program()
    used = set()
    for operation in contracts.operations(contract):
        for status, response in operation.responses.items():
            used |= _codes_in(response)
            for code, told in sorted(_codes_in(response)):
                if str(told) != status:
                    yield f"{operation.name}: {code} of {told} is among the answers {status}"
    for response in contracts.resolved(contract["x-other-requests"], contract).values():
        used |= _codes_in(response)
    known = {(code, status) for code, status, _, _ in errors}
    yield from (f"{code} {status} is in no response" for code, status in sorted(known - used))
    yield from (f"{code} {status} is no error of the program" for code, status in sorted(used - known))
    if contract["components"]["schemas"]["ErrorCode"]["enum"] != [code for code, *_ in errors]:
        yield "ErrorCode is not the program's list"


def limit_faults(contract):
    """The request limits hold for all of the API, and for nothing else."""
    for operation in contracts.operations(contract):
        if operation.path.startswith("/v1/") != ("429" in operation.responses):
            yield f"{operation.name}: only requests below /v1 are limited, and each of them may be answered 429"


# --- bounds ---

# The constant that each bound is, and what is added to it.
BOUNDS = {
    ("CouponId", "maxLength"): ("COUPON_ID_MAX", 0),
    ("UserId", "maxLength"): ("USER_ID_MAX", 0),
    ("UserNumber", "maximum"): ("INT64_MAX", 0),
    ("RequestId", "maxLength"): ("REQUEST_ID_MAX", 0),
    ("RetryAfter", "maximum"): ("RETRY_AFTER_MAX_S", 0),
    ("Title", "maxLength"): ("TITLE_MAX", 0),
    ("Description", "maxLength"): ("DESCRIPTION_MAX", 0),
    ("Benefit", "x-max-bytes"): ("BENEFIT_MAX", 0),
    ("Metadata", "x-max-bytes"): ("METADATA_MAX", 0),
    ("Owner", "maxLength"): ("OWNER_MAX", 0),
    ("Segment", "maxLength"): ("USER_ID_MAX", 0),
    ("Segments", "x-max-bytes"): ("SEGMENTS_MAX", 0),
    ("Quantity", "maximum"): ("QUANTITY_MAX", 0),
    ("Count", "maximum"): ("QUANTITY_MAX", 0),
    ("Remaining", "maximum"): ("QUANTITY_MAX", 0),
    ("RedeemWithin", "maximum"): ("REDEEM_WITHIN_MAX", 0),
    ("Nth", "maximum"): ("NTH_MAX", 0),
    ("Sequence", "maximum"): ("QUANTITY_MAX", 0),
    ("SequenceNamed", "maximum"): ("UINT32_MAX", 0),
    ("Code", "maxLength"): ("CODE_LENGTH", 0),
    ("Reference", "maxLength"): ("REFERENCE_MAX", 0),
    ("Reason", "maxLength"): ("REASON_MAX", 0),
    ("Actor", "maxLength"): ("ACTOR_MAX", 0),
    ("IdempotencyKey", "maxLength"): ("IDEMPOTENCY_KEY_MAX", 0),
    ("PerUserLimit", "maximum"): ("PER_USER_LIMIT_MAX", 0),
    ("PageLimit", "maximum"): ("COUPON_LIST_MAX", 0),
    ("PageLimit", "default"): ("LIST_LIMIT_DEFAULT", 0),
    ("CouponList.coupons", "maxItems"): ("COUPON_LIST_MAX", 0),
    ("IssueList.issues", "maxItems"): ("COUPON_LIST_MAX", 0),
    ("UserIssueList.issues", "maxItems"): ("COUPON_LIST_MAX", 0),
    ("CouponHistory.changes", "maxItems"): ("COUPON_LIST_MAX", 0),
    ("DeadLetterList.dead_letters", "maxItems"): ("COUPON_LIST_MAX", 0),
    ("RehearsalCreate.users", "maximum"): ("REHEARSAL_USERS_MAX", 0),
    ("RehearsalCreate.users", "default"): ("REHEARSAL_USERS_DEFAULT", 0),
    ("RehearsalCreate.connections", "maximum"): ("REHEARSAL_CONNECTIONS_MAX", 0),
    ("RehearsalCreate.quantity", "maximum"): ("QUANTITY_MAX", 0),
    ("Detail", "maxLength"): ("READY_WHY_MAX", -1),
    ("FieldError.field", "maxLength"): ("FIELD_BYTES", -1),
    ("FieldError.reason", "maxLength"): ("REASON_BYTES", -1),
    ("Problem.errors", "maxItems"): ("API_ERRORS_MAX", 0),
}
# What HTTP or the API says.
OTHER_BOUNDS = {("PerUserLimit", "default"), ("Restock", "default"), ("Again", "default"),
                ("Problem.status", "maximum")}
KEYWORDS = ("maxLength", "maximum", "maxItems", "x-max-bytes", "default")


def constants_of_the_program():
    constants = {"INT64_MAX": 2 ** 63 - 1, "UINT32_MAX": 2 ** 32 - 1}
    for name in ("shared/limits.h", "shared/code.h", "gateway/api/call.h", "gateway/api/rehearsal_json.h",
                 "gateway/rehearsal/rehearsal.h", "gateway/api/idempotency_key.h",
                 "gateway/reply/api_errors.h", "gateway/connection/request_note.h", "gateway/reply/reply.c"):
        text = source(name)
        constants |= {key: int(value) for key, value in re.findall(r"#define (\w+) +(\d+)u?\b", text)}
        constants |= {key: int(value) for key, value in re.findall(r"\b([A-Z_]+_MAX_S) = (\d+)", text)}
    field, reason = re.findall(r"char (?:field|reason)\[(\d+)\]", source("gateway/reply/api_errors.h"))
    return constants | {"FIELD_BYTES": int(field), "REASON_BYTES": int(reason)}


def _bounds_in(name, schema):
    """{(name, keyword): value} of a schema and its members."""
    found = {(name, keyword): schema[keyword] for keyword in KEYWORDS if keyword in schema}
    for member, inner in schema.get("properties", {}).items():
        if isinstance(inner, dict):
            found |= _bounds_in(f"{name}.{member}", inner)
    return found


def bound_faults(contract):
    constants = constants_of_the_program()
    found = {}
    for name, schema in contract["components"]["schemas"].items():
        found |= _bounds_in(name, schema)
    for place in sorted(set(BOUNDS) - set(found)):
        yield f"{'.'.join(place)} is missing"
    for place, value in found.items():
        if place not in BOUNDS:
            if place not in OTHER_BOUNDS:
                yield f"{'.'.join(place)} is a bound that no constant is known for"
            continue
        constant, more = BOUNDS[place]
        if value != constants[constant] + more:
            yield f"{'.'.join(place)} is {value}, {constant} is {constants[constant]}"


# --- members, states, alphabets ---


def members_of_the_program():
    """(members of a new coupon, those it must have, members that can be changed)"""
    table = source("gateway/api/coupon_json.c").split("static const struct member members[] = {")[1].split("};")[0]
    rows = re.findall(r'\{"(\w+)", \w+, (\w+), (true|false), (true|false)\}', table)
    return ([name for name, _, create, _ in rows if create == "true"],
            [name for name, _, _, required in rows if required == "true"],
            [name for name, field, _, _ in rows if field != "0"])


def member_faults(contract):
    schemas = contract["components"]["schemas"]
    create, required, change = members_of_the_program()
    for what, told, wanted in (("CouponCreate", schemas["CouponCreate"]["properties"], create),
                               ("CouponCreate.required", schemas["CouponCreate"]["required"], required),
                               ("CouponChange", schemas["CouponChange"]["properties"], change)):
        if list(told) != wanted:
            yield f"{what} has {list(told)}, the program {wanted}"
    for name in ("CouponCreate", "CouponChange", "IssueCreate", "IssueEnsure", "RedemptionCreate",
                 "CodeRedemptionCreate", "RevocationCreate"):
        if schemas[name].get("additionalProperties") is not False:
            yield f"{name} allows members that the program refuses"


# Whose member names the program's functions write: (schema, file, the function and what follows it).
WRITTEN = (("Coupon", "gateway/reply/json.c", ("append_texts", "append_counts", "coupon_json_append")),
           ("CouponLive", "gateway/live/event.c", ("live_event_coupon",)),
           ("CouponUnavailable", "gateway/live/event.c", ("live_event_unavailable",)),
           ("Issue", "gateway/reply/json.c", ("put_code", "issue_json_format")),
           ("Redemption", "gateway/reply/json.c", ("put_redemption", "put_actor")),
           ("Revocation", "gateway/reply/json.c", ("put_revocation", "put_actor")))
NESTED = {"redemption", "revocation"}


def written_members(file, functions):
    """The names that the functions write as members of JSON."""
    text = source(file)
    bodies = (re.search(rf"^[a-z][^\n;]*\b{name}\([^;{{]*\)\n{{\n(.*?)^}}", text, re.M | re.S)[1]
              for name in functions)
    return {member for body in bodies for member in re.findall(r'\\"(\w+)\\":', body)}


def answer_member_faults(contract):
    for name, file, functions in WRITTEN:
        told = set(contract["components"]["schemas"][name]["properties"])
        wanted = written_members(file, functions)
        if told - NESTED != wanted - NESTED:
            yield f"{name} has {sorted(told)}, the program writes {sorted(wanted)}"


def change_queries_of_the_program():
    """{operation: parameters}"""
    text = source("gateway/api/change_query.c")
    names = dict((constant, name) for name, constant in re.findall(r'\{"(\w+)", ([A-Z]+)\}', text))
    found = {}
    for operation, function in (("undoRedemption", "undo"), ("revokeIssue", "revoke")):
        known = re.search(rf"change_query_read_{function}\(.*?\bread\(call, ([A-Z |]+)\)", text, re.S)[1]
        found[operation] = {names[constant] for constant in known.split(" | ")}
    names = dict(re.findall(r'\{(PAGE_\w+), "(\w+)"', source("gateway/api/page_query.c")))
    known = re.search(r"lists_read_coupons\(.*?page_query_read\(&query, call->target.query, ([A-Z_ |]+),",
                      source("gateway/api/lists.c"), re.S)[1]
    return found | {"listCoupons": {names[constant] for constant in known.split(" | ")}}


def query_faults(contract):
    told = {operation.name: set(operation.parameters_in("query")) for operation in contracts.operations(contract)}
    for name, wanted in change_queries_of_the_program().items():
        if told[name] != wanted:
            yield f"{name} has the query {sorted(told[name])}, the program {sorted(wanted)}"


def state_faults(contract):
    names = re.findall(r'\[COUPON_\w+\] = "(\w+)"', source("shared/coupon.c"))
    order = re.findall(r"^    COUPON_(\w+),$", source("shared/coupon.h").split("enum coupon_state {")[1].split("}")[0],
                       re.M)
    assert sorted(names) == sorted(name.lower() for name in order)
    if contract["components"]["schemas"]["CouponState"]["enum"] != [name.lower() for name in order]:
        yield "CouponState has other names than the program"
    states = source("gateway/reply/json.c").split("*issue_state_text(")[1].split("\n}")[0]
    known = set(re.findall(r'"(\w+)"', states))
    if set(contract["components"]["schemas"]["IssueState"]["enum"]) != known:
        yield "IssueState has other names than the program"


def alphabets_of_the_program():
    """{kind of character: the characters}; kind 1 is allowed in both ids, kind 2 in those of users."""
    table = source("shared/coupon.c").split("alphabet[256] = {")[1].split("};")[0]
    found = {"1": set(), "2": set()}
    for first, last, kind in re.findall(r"\['(.)'(?: \.\.\. '(.)')?\] = (\d)", table):
        found[kind] |= {chr(code) for code in range(ord(first), ord(last or first) + 1)}
    return found


def alphabet_faults(contract):
    kinds = alphabets_of_the_program()
    user = kinds["1"] | kinds["2"]
    for name, allowed in (("CouponId", kinds["1"]), ("UserId", user), ("Owner", user), ("Segment", user)):
        schema = contract["components"]["schemas"][name]
        if {chr(code) for code in range(256) if re.fullmatch(schema["pattern"], chr(code))} != allowed:
            yield f"{name} has another alphabet than the program"
        if schema["not"] != {"enum": [".", ".."]}:
            yield f"{name} allows the dots that the program refuses"


# --- examples ---


def _example_pairs(contract):
    """(where, schema, value) of every example."""
    whole = contracts.resolved(contract, contract)
    for name, schema in whole["components"]["schemas"].items():
        yield from ((f"schema {name}", schema, value) for value in schema.get("examples", []))
    for operation in contracts.operations(contract):
        for parameter in operation.parameters:
            if "example" in parameter:
                yield f"{operation.name}: {parameter['name']}", parameter["schema"], parameter["example"]
        bodies = [("the request", operation.body)] if operation.body else []
        for where, body in [*bodies, *operation.responses.items()]:
            for content in body.get("content", {}).values():
                yield from ((f"{operation.name}: {where}: {name}", content["schema"], example["value"])
                            for name, example in content.get("examples", {}).items())
    for kind, response in whole["x-other-requests"].items():
        for content in response.get("content", {}).values():
            yield from ((f"{kind}: {name}", content["schema"], example["value"])
                        for name, example in content["examples"].items())


def example_faults(contract):
    texts = {code: (title, detail) for code, _, title, detail in errors_of_the_program()}
    for where, schema, value in _example_pairs(contract):
        contracts.check_schema(schema)
        yield from (f"{where}: {text}" for text in contracts.mistakes(contracts.closed(schema), value))
        code = value.get("code") if isinstance(value, dict) else None  # of a problem; issues have others
        own_words = isinstance(value, dict) and "reason" in value  # of refused credentials: gateway/identity/reason.c
        if code in texts and not own_words and texts[code] != (value["title"], value["detail"]):
            yield f"{where}: the program has other words for {code}"
    for operation in contracts.operations(contract):
        for status, response in operation.responses.items():
            if status < "300" and not all(content.get("examples") for content in response["content"].values()):
                yield f"{operation.name}: {status} has no example"


def version_faults(contract):
    version = re.search(r"project\(coupond VERSION ([\d.]+)", source("CMakeLists.txt"))[1]
    if contract["info"]["version"] != version:
        yield f"the contract is of {contract['info']['version']}, the program is {version}"


CHECKS = [route_faults, permission_faults, parameter_faults, error_faults, limit_faults, bound_faults, member_faults,
          answer_member_faults, query_faults, state_faults, alphabet_faults, example_faults, version_faults]
