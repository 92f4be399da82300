"""The hostile HTTP messages: a table of rows (name, bytes, what the RFCs say, what coupond answers), by section.

Coupon A has user u; the user "smuggled" appears only in bytes that no server may take for a request.
"""

from hostile_http import BOUND_BYTES, Message

HOST = b"Host: a\r\n"
ISSUE_LINE = b"PUT /v1/coupons/A/issues/u HTTP/1.1\r\n"
PUT = ISSUE_LINE + HOST
GOOD = PUT + b"\r\n"
EVIL = b"PUT /v1/coupons/A/issues/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
POST_LINE = b"POST /v1/coupons/A/issues HTTP/1.1\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = POST_LINE + HOST + JSON
BODY = b'{"user_id":"u"}'
LENGTH = b"Content-Length: 15\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"f\r\n" + BODY + b"\r\n0\r\n\r\n"
GOOD_POST = POST + LENGTH + b"\r\n" + BODY
GOOD_CHUNKED = POST + CHUNKED + b"\r\n" + CHUNKS


def with_length(value, behind=BODY):
    return POST + b"Content-Length:" + value + b"\r\n\r\n" + behind


def with_coding(line, behind=CHUNKS):
    return POST + line + b"\r\n\r\n" + behind


def chunked(body):
    return POST + CHUNKED + b"\r\n" + body


def with_field(line):
    return PUT + line + b"\r\n\r\n"


def with_host(*lines):
    return ISSUE_LINE + b"".join(b"Host:" + line + b"\r\n" for line in lines) + b"\r\n"


def target(text, method=b"PUT", version=b"HTTP/1.1"):
    return method + b" " + text + b" " + version + b"\r\n" + HOST + b"\r\n"


LENGTHS = [
    ("a length and chunks, CL.TE", POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL, "9112 §6.3: an error", "400"),
    ("chunks and a length, TE.CL", POST + CHUNKED + b"Content-Length: 5\r\n\r\n" + CHUNKS, "9112 §6.3: an error", "400"),
    ("a length, then chunks that hide a request", POST + LENGTH + CHUNKED + b"\r\n0\r\n\r\n" + EVIL, "9112 §6.3: an error", "400"),
    ("two equal lengths", POST + LENGTH + LENGTH + b"\r\n" + BODY, "9112 §6.3: may be refused", "400"),
    ("two lengths", POST + LENGTH + b"Content-Length: 0\r\n\r\n" + BODY, "9112 §6.3: must be refused", "400"),
    ("two lengths, the first 0", POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n" + BODY, "9112 §6.3: must be refused", "400"),
    ("two lengths, cases mixed", POST + b"content-length: 0\r\nCONTENT-LENGTH: 15\r\n\r\n" + BODY, "9112 §6.3: must be refused", "400"),
    ("a list of equal lengths", with_length(b" 15, 15"), "9112 §6.3: may be refused", "400"),
    ("a list of lengths", with_length(b" 15, 0"), "9112 §6.3: must be refused", "400"),
    ("a length with a plus", with_length(b" +15"), "9110 §8.6: digits only", "400"),
    ("a negative length", with_length(b" -1"), "9110 §8.6: digits only", "400"),
    ("minus nought", with_length(b" -0", b""), "9110 §8.6: digits only", "400"),
    ("a length with a space inside", with_length(b" 1 5"), "9110 §8.6: digits only", "400"),
    ("a length with an underscore", with_length(b" 1_5"), "9110 §8.6: digits only", "400"),
    ("a hexadecimal length", with_length(b" 0xf"), "9110 §8.6: digits only", "400"),
    ("a length with an exponent", with_length(b" 15e0"), "9110 §8.6: digits only", "400"),
    ("a fractional length", with_length(b" 15.0"), "9110 §8.6: digits only", "400"),
    ("a length in quotes", with_length(b' "15"'), "9110 §8.6: digits only", "400"),
    ("an empty length", with_length(b""), "9110 §8.6: at least a digit", "400"),
    ("a length of letters", with_length(b" abc"), "9110 §8.6: digits only", "400"),
    ("a length with a tab before", with_length(b"\t15"), "9110 §5.5: allowed", "400"),
    ("a length with a vertical tab", with_length(b" \x0b15"), "9110 §5.5: invalid", "400"),
    ("a length with a NUL", with_length(b" 15\x00"), "9110 §5.5: invalid", "400"),
    ("a length beyond 64 bits", with_length(b" 99999999999999999999"), "9110 §8.6: expect overflows", "400"),
    ("a length that wraps to 15", with_length(b" 18446744073709551631"), "9110 §8.6: expect overflows", "400"),
    ("the largest length", with_length(b" 9223372036854775807"), "9110 §15.5.14: too large", "400"),
    ("a length beyond the bound", with_length(b" 16385", b""), "9110 §15.5.14: too large", "413"),
    ("a length in digits of another script", with_length(" ١٥".encode()), "9110 §8.6: digits only", "400"),
    ("a folded length", with_length(b"\r\n 15"), "9112 §5.2: must be refused", "400"),
    ("a length folded after a digit", with_length(b" 1\r\n 5"), "9112 §5.2: must be refused", "400"),
    ("a space before a length's colon", POST + b"Content-Length : 15\r\n\r\n" + BODY, "9112 §5.1: must be refused", "400"),
    ("a length with an underscore in its name", POST + b"Content_Length: 15\r\n" + LENGTH + b"\r\n" + BODY, "9110 §5.1: another field", "201"),
    ("a length with leading noughts", with_length(b" 0000015"), "9110 §8.6: allowed", "201"),
    ("a length with spaces around", with_length(b"   15   "), "9110 §5.5: allowed", "201"),
]

CODINGS = [
    ("an unknown coding", with_coding(b"Transfer-Encoding: xchunked"), "9112 §6.1: 501", "501"),
    ("chunked twice in a list", with_coding(b"Transfer-Encoding: chunked, chunked"), "9112 §6.1: must not", "501"),
    ("chunked in two fields", with_coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "9112 §6.1: must not", "400"),
    ("chunked not last", with_coding(b"Transfer-Encoding: chunked, identity"), "9112 §6.3: 400", "501"),
    ("chunked not last, in two fields", with_coding(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), "9112 §6.3: 400", "400"),
    ("identity, then chunked", with_coding(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), "9112 §7: no coding", "501"),
    ("identity", with_coding(b"Transfer-Encoding: identity"), "9112 §7: no coding", "501"),
    ("gzip, chunked", with_coding(b"Transfer-Encoding: gzip, chunked"), "9112 §6.1: 501", "501"),
    ("an empty coding", with_coding(b"Transfer-Encoding:"), "9110 §5.6.1: empty", "501"),
    ("a comma before chunked", with_coding(b"Transfer-Encoding: ,chunked"), "9110 §5.6.1: may be empty", "501"),
    ("a comma behind chunked", with_coding(b"Transfer-Encoding: chunked,"), "9110 §5.6.1: may be empty", "501"),
    ("chunked with a parameter", with_coding(b"Transfer-Encoding: chunked;q=1"), "9112 §7.1: has none", "501"),
    ("chunked in quotes", with_coding(b'Transfer-Encoding: "chunked"'), "9110 §5.6.2: no token", "501"),
    ("chunked behind a tab", with_coding(b"Transfer-Encoding:\tchunked"), "9110 §5.5: allowed", "501"),
    ("chunked before a tab", with_coding(b"Transfer-Encoding: chunked\t"), "9110 §5.5: allowed", "501"),
    ("chunked behind a vertical tab", with_coding(b"Transfer-Encoding: \x0bchunked"), "9110 §5.5: invalid", "400"),
    ("chunked with a NUL", with_coding(b"Transfer-Encoding: chunked\x00"), "9110 §5.5: invalid", "400"),
    ("chunked behind a no-break space", with_coding(b"Transfer-Encoding: \xa0chunked"), "9112 §6.1: 501", "501"),
    ("chunked with letters of another script", with_coding("Transfer-Encoding: сhunkеd".encode()), "9112 §6.1: 501", "501"),
    ("chunked on a folded line", with_coding(b"Transfer-Encoding:\r\n chunked"), "9112 §5.2: must be refused", "400"),
    ("chunked on a line folded by a tab", with_coding(b"Transfer-Encoding:\r\n\tchunked"), "9112 §5.2: must be refused", "400"),
    ("a coding hidden behind a fold", with_coding(b"X: y\r\n Transfer-Encoding: chunked"), "9112 §5.2: must be refused", "400"),
    ("a coding hidden behind a bare CR", with_coding(b"X: y\rTransfer-Encoding: chunked"), "9112 §2.2: invalid", "400"),
    ("a coding hidden behind a bare LF", with_coding(b"X: y\nTransfer-Encoding: chunked"), "9112 §2.2: may end a line", "400"),
    ("a space before a coding's colon", with_coding(b"Transfer-Encoding : chunked"), "9112 §5.1: must be refused", "400"),
    ("a tab before a coding's colon", with_coding(b"Transfer-Encoding\t: chunked"), "9112 §5.1: must be refused", "400"),
    ("a space before a coding's name", POST_LINE + b" " + CHUNKED + HOST + JSON + b"\r\n" + CHUNKS, "9112 §2.2: refuse or ignore", "400"),
    ("a coding in HTTP/1.0", POST.replace(b"/1.1", b"/1.0") + CHUNKED + b"\r\n" + CHUNKS, "9112 §6.1: faulty framing", "400"),
    ("a coding and a length in HTTP/1.0", POST.replace(b"/1.1", b"/1.0") + CHUNKED + LENGTH + b"\r\n" + CHUNKS, "9112 §6.1: faulty framing", "400"),
    ("chunked in capitals", with_coding(b"TRANSFER-ENCODING: CHUNKED"), "9112 §7: any case", "201"),
    ("a coding with an underscore in its name", POST + b"Transfer_Encoding: chunked\r\n" + LENGTH + b"\r\n" + BODY, "9110 §5.1: another field", "201"),
    ("TE instead of Transfer-Encoding", POST + b"TE: chunked\r\n" + LENGTH + b"\r\n" + BODY, "9110 §10.1.4: no framing", "201"),
]

CHUNK_TRICKS = [
    ("a chunk size beyond 64 bits", chunked(b"1000000000000000f\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: expect overflows", "400"),
    ("a huge chunk size", chunked(b"ffffffffffffffff\r\n" + BODY), "9112 §7.1: expect overflows", "400"),
    ("a chunk beyond the bound", chunked(b"4001\r\n" + BODY), "9110 §15.5.14: too large", "413"),
    ("a negative chunk size", chunked(b"-f\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a chunk size with a plus", chunked(b"+f\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a chunk size with 0x", chunked(b"0xf\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a chunk size with an underscore", chunked(b"0_f\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("no chunk size", chunked(b"\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: at least a digit", "400"),
    ("a space before a chunk size", chunked(b" f\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a space behind a chunk size", chunked(b"f \r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1.1: bad white space", "400"),
    ("a letter that is no digit", chunked(b"g\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a chunk shorter than its size", chunked(b"10\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: CR LF behind data", "400"),
    ("a chunk longer than its size", chunked(b"e\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: CR LF behind data", "400"),
    ("no CR LF behind a chunk", chunked(b"f\r\n" + BODY + b"0\r\n\r\n"), "9112 §7.1: CR LF behind data", "400"),
    ("a bare LF behind a chunk size", chunked(b"f\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: CR LF", "400"),
    ("a bare CR behind a chunk size", chunked(b"f\r" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: CR LF", "400"),
    ("a bare LF behind a chunk", chunked(b"f\r\n" + BODY + b"\n0\r\n\r\n"), "9112 §7.1: CR LF", "400"),
    ("bare LFs behind the last chunk", chunked(b"f\r\n" + BODY + b"\r\n0\n\n"), "9112 §7.1: CR LF", "400"),
    ("a NUL behind a chunk size", chunked(b"f\x00\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1: hexadecimal digits", "400"),
    ("a control byte in an extension", chunked(b"f;a=\x01\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1.1: token or string", "400"),
    ("a bare LF in an extension", chunked(b"f;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1.1: token or string", "400"),
    ("a bare CR in an extension", chunked(b"f;a\rb\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1.1: token or string", "400"),
    ("an endless extension", chunked(b"f;" + b"a" * 20000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), "9112 §7.1.1: limit them", "400"),
    ("a folded trailer", chunked(b"f\r\n" + BODY + b"\r\n0\r\nX: a\r\n b\r\n\r\n"), "9112 §5.2: must be refused", "400"),
    ("a trailer without a colon", chunked(b"f\r\n" + BODY + b"\r\n0\r\nX\r\n\r\n"), "9112 §5: name and colon", "400"),
    ("a trailer with a space before its colon", chunked(b"f\r\n" + BODY + b"\r\n0\r\nX : a\r\n\r\n"), "9112 §5.1: must be refused", "400"),
    ("a request instead of the last empty line", chunked(b"f\r\n" + BODY + b"\r\n0\r\n" + EVIL), "9112 §7.1.2: no field line", "400"),
    ("a trailer that tells a length", chunked(b"f\r\n" + BODY + b"\r\n0\r\nContent-Length: 50\r\n\r\n"), "9110 §6.5.1: ignored", "201"),
    ("a trailer that tells a coding", chunked(b"f\r\n" + BODY + b"\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"), "9110 §6.5.1: ignored", "201"),
    ("a trailer that tells a host", chunked(b"f\r\n" + BODY + b"\r\n0\r\nHost: b\r\n\r\n"), "9110 §6.5.1: ignored", "201"),
    ("an extension", chunked(b'f;a="b"\r\n' + BODY + b"\r\n0;c\r\n\r\n"), "9112 §7.1.1: ignored", "201"),
    ("a chunk of each byte", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"), "9112 §7.1: allowed", "201"),
]

LINES = [
    ("a bare LF behind the request line", ISSUE_LINE[:-2] + b"\n" + HOST + b"\r\n", "9112 §2.2: may end a line", "400"),
    ("bare LFs everywhere", GOOD.replace(b"\r\n", b"\n"), "9112 §2.2: may end a line", "400"),
    ("a bare LF behind a field", ISSUE_LINE + b"Host: a\n\r\n", "9112 §2.2: may end a line", "400"),
    ("a bare LF as the empty line", PUT + b"\n", "9112 §2.2: may end a line", "400"),
    ("a bare LF before the request", b"\n" + GOOD, "9112 §2.2: only CR LF is skipped", "400"),
    ("a bare CR behind the request line", ISSUE_LINE[:-2] + b"\r" + HOST + b"\r\n", "9112 §2.2: invalid", "400"),
    ("bare CRs everywhere", GOOD.replace(b"\r\n", b"\r"), "9112 §2.2: invalid", "closed"),
    ("CR CR LF", PUT + b"X: a\r\r\n\r\n", "9112 §2.2: invalid", "400"),
    ("LF CR", ISSUE_LINE[:-2] + b"\n\r" + HOST + b"\n\r\n\r", "9112 §2.2: invalid", "400"),
    ("a bare CR in a value", with_field(b"X: a\rb"), "9112 §2.2: invalid", "400"),
    ("a bare CR first in a value", with_field(b"X: \rb"), "9112 §2.2: invalid", "400"),
    ("a bare CR in a name", with_field(b"X\rY: a"), "9112 §2.2: invalid", "400"),
    ("a NUL in a value", with_field(b"X: a\x00b"), "9110 §5.5: refuse or replace", "400"),
    ("a NUL in a name", with_field(b"X\x00Y: a"), "9110 §5.1: no token", "400"),
    ("a control byte in a value", with_field(b"X: a\x01b"), "9110 §5.5: invalid", "400"),
    ("an escape in a value", with_field(b"X: a\x1bb"), "9110 §5.5: invalid", "400"),
    ("a DEL in a value", with_field(b"X: a\x7fb"), "9110 §5.5: invalid", "400"),
    ("a control byte in a name", with_field(b"X\x01: a"), "9110 §5.1: no token", "400"),
    ("a byte above ASCII in a name", with_field(b"X\xc3\xa9: a"), "9110 §5.1: no token", "400"),
    ("a space before a colon", with_field(b"X : a"), "9112 §5.1: must be refused", "400"),
    ("a tab before a colon", with_field(b"X\t: a"), "9112 §5.1: must be refused", "400"),
    ("a space in a name", with_field(b"X Y: a"), "9110 §5.1: no token", "400"),
    ("a slash in a name", with_field(b"X/Y: a"), "9110 §5.1: no token", "400"),
    ("an empty name", with_field(b": a"), "9110 §5.1: no token", "400"),
    ("no colon", with_field(b"X"), "9112 §5: name and colon", "400"),
    ("a folded value", with_field(b"X: a\r\n b"), "9112 §5.2: must be refused", "400"),
    ("a folded line that holds only a space", with_field(b"X: a\r\n "), "9112 §5.2: must be refused", "400"),
    ("a space before the first field", ISSUE_LINE + b" X: a\r\n" + HOST + b"\r\n", "9112 §2.2: refuse or ignore", "400"),
    ("a folded request line", b"PUT /v1/coupons/A/issues/u\r\n HTTP/1.1\r\n" + HOST + b"\r\n", "9112 §3: single spaces", "400"),
    ("an endless request line", b"PUT /" + b"a" * 60000, "9112 §3: 414 or a close", "431"),
    ("a target beyond the bound", target(b"/" + b"a" * 60000), "9112 §3: 414", "431"),
    ("an endless field", PUT + b"X: " + b"a" * 200000, "9110 §5.4: 4xx", "431"),
    ("an endless name", PUT + b"X" * 200000, "9110 §5.4: 4xx", "431"),
    ("endless fields", PUT + b"X: a\r\n" * 40000, "9110 §5.4: 4xx", "431"),
    ("more fields than the bound", PUT + b"X: a\r\n" * 150 + b"\r\n", "9110 §5.4: 4xx", "431"),
    ("endless white space in a value", PUT + b"X:" + b" " * 200000, "9110 §5.4: 4xx", "431"),
    ("bytes above ASCII in a value", with_field(b"X: \xc3\xa9\xff"), "9110 §5.5: opaque", "200"),
    ("an empty value", with_field(b"X:"), "9110 §5.5: allowed", "200"),
    ("empty lines before the request", b"\r\n\r\n" + GOOD, "9112 §2.2: skipped", "200"),
]

TARGETS = [
    ("a target that is no path", target(b"v1/coupons"), "9112 §3.2: no form of it", "400"),
    ("a backslash", target(b"\\v1\\coupons"), "3986 §2: no such byte", "400"),
    ("a fragment", target(b"/v1/coupons/A/issues/u#x"), "9112 §3.2: no fragments", "400"),
    ("a space", target(b"/v1/coupons/A B/issues/u"), "9112 §3.2: must be refused", "400"),
    ("a space at the end", target(b"/v1/coupons/A/issues/u "), "9112 §3: single spaces", "400"),
    ("a tab", target(b"/v1/coupons/A\t/issues/u"), "9112 §3.2: invalid", "400"),
    ("a NUL", target(b"/v1/coupons/A/issues/u\x00"), "9112 §3.2: invalid", "400"),
    ("a control byte", target(b"/v1/coupons/A/issues/\x07u"), "9112 §3.2: invalid", "400"),
    ("a DEL", target(b"/v1/coupons/A/issues/u\x7f"), "9112 §3.2: invalid", "400"),
    ("a byte above ASCII", target("/v1/coupons/A/issues/é".encode()), "3986 §2: no such byte", "400"),
    ("%00", target(b"/v1/coupons/A/issues/u%00"), "3986 §7.3: take care", "400"),
    ("%0d%0a", target(b"/v1/coupons/A/issues/u%0d%0aX:%20y"), "3986 §7.3: take care", "400"),
    ("half an escape", target(b"/v1/coupons/A/issues/u%4"), "3986 §2.1: two digits", "400"),
    ("an escape that is none", target(b"/v1/coupons/A/issues/u%zz"), "3986 §2.1: two digits", "400"),
    ("an escaped slash", target(b"/v1/coupons/A%2Fissues%2Fu"), "3986 §2.2: not a separator", "400"),
    ("dots above the root", target(b"/../../etc/passwd"), "3986 §5.2.4: removed", "404"),
    ("escaped dots above the root", target(b"/%2e%2e/%2e%2e/etc/passwd"), "3986 §6.2.2: like dots", "404"),
    ("dots inside", target(b"/v1/../../v1/coupons"), "3986 §5.2.4: removed", "404"),
    ("two slashes first", target(b"//v1/coupons/A/issues/u"), "3986 §3.3: an empty segment", "404"),
    ("two slashes inside", target(b"/v1//coupons/A/issues/u"), "3986 §3.3: an empty segment", "404"),
    ("a double escape", target(b"/v1/coupons/A/issues/%2575"), "3986 §2.4: undone once", "400"),
    ("an asterisk with PUT", target(b"*"), "9112 §3.2.4: only OPTIONS", "400"),
    ("an asterisk with OPTIONS", target(b"*", b"OPTIONS"), "9112 §3.2.4: allowed", "400"),
    ("an authority", target(b"a:443", b"CONNECT"), "9112 §3.2.3: only CONNECT", "400"),
    ("an authority with PUT", target(b"a:443"), "9112 §3.2.3: only CONNECT", "400"),
    ("an absolute target without a path", target(b"http://a"), "9112 §3.2.2: the path is /", "400"),
    ("an absolute target without a host", target(b"http:///v1/coupons/A/issues/u"), "9110 §4.2.1: must be refused", "400"),
    ("an absolute target with a user", target(b"http://x@a/v1/coupons/A/issues/u"), "9110 §4.2.4: an error", "400"),
    ("an absolute target with a port of letters", target(b"http://a:b/v1/coupons/A/issues/u"), "3986 §3.2.3: digits", "400"),
    ("an absolute target with half an address", target(b"http://[::1/v1/coupons/A/issues/u"), "3986 §3.2.2: brackets", "400"),
    ("an absolute target with an odd host", target(b"http://a;b=%zz/v1/coupons/A/issues/u"), "3986 §3.2.2: no such host", "400"),
    ("an absolute target with an underscore in its host", target(b"http://a_b/v1/coupons/A/issues/u"), "3986 §3.2.2: allowed", "400"),
    ("an absolute target of an IPv6 host", target(b"http://[::1]:80/v1/coupons/A/issues/u"), "9112 §3.2.2: allowed", "200"),
    ("an absolute target with a backslash", target(b"http://a\\b/v1/coupons/A/issues/u"), "3986 §2: no such byte", "400"),
    ("another scheme", target(b"ftp://a/v1/coupons/A/issues/u"), "9110 §7.4: 421", "400"),
    ("file:", target(b"file:///etc/passwd"), "9110 §7.4: 421", "400"),
    ("an absolute target without Host", b"PUT http://a/v1/coupons/A/issues/u HTTP/1.1\r\n\r\n", "9112 §3.2: must be refused", "400"),
    ("an absolute target", target(b"http://a/v1/coupons/A/issues/u"), "9112 §3.2.2: allowed", "200"),
    ("an absolute target of another host", target(b"http://b:80/v1/coupons/A/issues/u"), "9112 §3.2.2: Host is ignored", "200"),
    ("an escaped letter", target(b"/v1/coupons/A/issues/%75"), "3986 §2.3: the letter", "200"),
]

REQUEST_LINES = [
    ("HTTP/0.9", b"GET /livez\r\n", "9112 §3: a version is needed", "400"),
    ("HTTP/0.9 with fields", b"GET /livez\r\n" + HOST + b"\r\n", "9112 §3: a version is needed", "400"),
    ("the version 0.9", target(b"/livez", b"GET", b"HTTP/0.9"), "9110 §15.6.6: 505", "505"),
    ("the version 1.2", target(b"/v1/coupons/A/issues/u", version=b"HTTP/1.2"), "9110 §2.5: like 1.1", "505"),
    ("the version 2.0", target(b"/v1/coupons/A/issues/u", version=b"HTTP/2.0"), "9110 §15.6.6: 505", "505"),
    ("the version 1.10", target(b"/v1/coupons/A/issues/u", version=b"HTTP/1.10"), "9112 §2.3: one digit", "400"),
    ("the version 01.1", target(b"/v1/coupons/A/issues/u", version=b"HTTP/01.1"), "9112 §2.3: one digit", "400"),
    ("the version 1", target(b"/v1/coupons/A/issues/u", version=b"HTTP/1"), "9112 §2.3: digit, dot, digit", "400"),
    ("a huge version", target(b"/v1/coupons/A/issues/u", version=b"HTTP/99999999999999999999.1"), "9112 §2.3: one digit", "400"),
    ("a version in small letters", target(b"/v1/coupons/A/issues/u", version=b"http/1.1"), "9112 §2.3: capitals", "400"),
    ("a space in the version", target(b"/v1/coupons/A/issues/u", version=b"HTTP/ 1.1"), "9112 §2.3: no space", "400"),
    ("a space behind the version", target(b"/v1/coupons/A/issues/u", version=b"HTTP/1.1 "), "9112 §3: nothing behind", "400"),
    ("another protocol", target(b"/v1/coupons/A/issues/u", version=b"ICY/1.1"), "9112 §2.3: HTTP", "400"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "9113 §3.4: not for 1.1", "505"),
    ("two spaces", b"PUT  /v1/coupons/A/issues/u HTTP/1.1\r\n" + HOST + b"\r\n", "9112 §3: single spaces", "400"),
    ("a tab instead of a space", b"PUT\t/v1/coupons/A/issues/u\tHTTP/1.1\r\n" + HOST + b"\r\n", "9112 §3: may be refused", "400"),
    ("a space first", b" " + GOOD, "9112 §3: a method first", "400"),
    ("a method in small letters", target(b"/v1/coupons/A/issues/u", b"put"), "9110 §9.1: case matters", "501"),
    ("a method nobody knows", target(b"/v1/coupons/A/issues/u", b"FROB"), "9110 §9.1: 501", "501"),
    ("a method with a control byte", target(b"/v1/coupons/A/issues/u", b"PU\x01T"), "9110 §9.1: a token", "400"),
    ("a method with a colon", target(b"/v1/coupons/A/issues/u", b"PUT:"), "9110 §9.1: a token", "400"),
    ("an endless method", b"P" * 60000, "9112 §3: 501 or a close", "431"),
    ("TRACE", target(b"/v1/coupons/A/issues/u", b"TRACE"), "9110 §9.3.8: optional", "405"),
    ("a field first", HOST + b"\r\n", "9112 §3: a request line", "400"),
    ("a status line", b"HTTP/1.1 200 OK\r\n" + HOST + b"\r\n", "9112 §3: a request line", "400"),
    ("a TLS hello", b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(range(189)), "9112 §3: a request line", "400"),
    ("an SSH greeting", b"SSH-2.0-x\r\n", "9112 §3: a request line", "400"),
    ("a mailer", b"EHLO a\r\nMAIL FROM:<a@a>\r\n", "9112 §3: a request line", "400"),
    ("a Redis command", b"*1\r\n$4\r\nPING\r\n", "9112 §3: a request line", "400"),
    ("the PROXY protocol", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GOOD, "9112 §3: a request line", "400"),
    ("NULs", bytes(64), "9112 §3: a request line", "400"),
    ("nothing", b"", "", "closed"),
    ("half a request", PUT, "9112 §8: incomplete", "closed"),
]

HOSTS = [
    ("no Host", ISSUE_LINE + b"\r\n", "9112 §3.2: must be refused", "400"),
    ("two Hosts", with_host(b" a", b" b"), "9112 §3.2: must be refused", "400"),
    ("two equal Hosts", with_host(b" a", b" a"), "9112 §3.2: must be refused", "400"),
    ("an empty Host", with_host(b""), "9110 §7.2: only without an authority", "400"),
    ("a Host with a space", with_host(b" a b"), "9112 §3.2: must be refused", "400"),
    ("a Host with a slash", with_host(b" a/b"), "9112 §3.2: must be refused", "400"),
    ("a Host with a user", with_host(b" x@a"), "9112 §3.2: must be refused", "400"),
    ("a Host with a comma", with_host(b" a,b"), "3986 §3.2.2: allowed", "200"),
    ("a Host with a NUL", with_host(b" a\x00"), "9112 §3.2: must be refused", "400"),
    ("a Host with a scheme", with_host(b" http://a"), "9112 §3.2: must be refused", "400"),
    ("a Host with two dots", with_host(b" a..b"), "9110 §7.2: a host", "400"),
    ("a Host with a port of letters", with_host(b" a:b"), "3986 §3.2.3: digits", "400"),
    ("a Host of a port alone", with_host(b" :80"), "9110 §7.2: a host", "400"),
    ("a Host with half an address", with_host(b" [::1"), "9112 §3.2: must be refused", "400"),
    ("a Host with bytes above ASCII", with_host(" é".encode()), "3986 §3.2.2: no such byte", "400"),
    ("a folded Host", with_host(b"\r\n a"), "9112 §5.2: must be refused", "400"),
    ("a Host behind a tab", with_host(b"\ta"), "9110 §5.5: allowed", "400"),
    ("an IPv6 Host", with_host(b" [::1]:8080"), "9110 §7.2: allowed", "200"),
    ("HTTP/1.0 without Host", GOOD.replace(b"/1.1", b"/1.0").replace(HOST, b""), "9112 §3.2: not needed", "200"),
]

PIPELINES = [
    ("two requests", GOOD + GOOD, "9112 §9.3.2: in order", "200 200"),
    ("three of several framings", GOOD_POST + GOOD_CHUNKED + GOOD, "9112 §9.3.2: in order", "201 201 200"),
    ("empty lines between", GOOD + b"\r\n\r\n" + GOOD, "9112 §2.2: skipped", "200 200"),
    ("good, CL.TE, smuggled", GOOD + POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + EVIL, "9112 §6.3: an error", "200 400"),
    ("good, two lengths, smuggled", GOOD + POST + LENGTH + b"Content-Length: 0\r\n\r\n" + BODY + EVIL, "9112 §6.3: must be refused", "200 400"),
    ("good, a bare CR, smuggled", GOOD + with_field(b"X: a\rb") + EVIL, "9112 §2.2: invalid", "200 400"),
    ("good, a bare LF, smuggled", GOOD + PUT + b"\n" + EVIL, "9112 §2.2: may end a line", "200 400"),
    ("good, a fold, smuggled", GOOD + with_field(b"X: a\r\n b") + EVIL, "9112 §5.2: must be refused", "200 400"),
    ("good, no Host, smuggled", GOOD + ISSUE_LINE + b"\r\n" + EVIL, "9112 §3.2: must be refused", "200 400"),
    ("good, a bad target, smuggled", GOOD + target(b"/v1/coupons/A/issues/u%00") + EVIL, "3986 §7.3: take care", "200 400"),
    ("good, a bad version, smuggled", GOOD + target(b"/", version=b"HTTP/2.0") + EVIL, "9110 §15.6.6: 505", "200 505"),
    ("good, too large, smuggled", GOOD + POST + b"Content-Length: 16385\r\n\r\n" + EVIL, "9110 §15.5.14: may close", "200 413"),
    ("good, a bad chunk, smuggled", GOOD + chunked(b"x\r\n\r\n") + EVIL, "9112 §7.1: hexadecimal digits", "200 400"),
    ("a body longer than its length", with_length(b" 15", BODY + b"}") + GOOD, "9112 §3: the rest is no request", "201 400"),
    ("a body that looks like a request", PUT + b"Content-Length: %d\r\n\r\n" % len(EVIL) + EVIL + GOOD, "9112 §6.3: it is the body", "415 200"),
    ("a chunk that looks like a request", PUT + CHUNKED + b"\r\n%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n" + GOOD, "9112 §7.1: it is the body", "415 200"),
    ("a body of GET that looks like a request", b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(EVIL) + EVIL, "9110 §9.3.1: it is the body", "400"),
    ("a trailer, then a request", chunked(b"f\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n") + GOOD, "9112 §7.1.2: ignored", "201 200"),
    ("Connection: close, then a request", with_field(b"Connection: close") + EVIL, "9112 §9.6: must not be served", "200"),
    ("Connection: close in a list, then a request", with_field(b"Connection: x, ClOsE ,y") + EVIL, "9112 §9.6: must not be served", "200"),
    ("HTTP/1.0, then a request", GOOD.replace(b"/1.1", b"/1.0") + EVIL, "9112 §9.3: not persistent", "200"),
    ("HTTP/1.0 keep-alive, then a request", with_field(b"Connection: keep-alive").replace(b"/1.1", b"/1.0") + GOOD, "9112 §9.3: persistent", "200 200"),
    ("garbage behind a request", GOOD + b"\x00\x01\x02", "9112 §3: a request line", "200 400"),
    ("half a request behind a request", GOOD + EVIL[:-2], "9112 §8: incomplete", "200"),
    ("a hundred requests", GOOD * 100, "9112 §9.3.2: in order", "100 × 200"),
]

CONNECTIONS = [
    ("a bare upgrade to h2c", with_field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"), "9110 §7.8: may be ignored", "200"),
    ("an upgrade to WebSocket", with_field(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA"), "9110 §7.8: may be ignored", "200"),
    ("an upgrade, then a request", with_field(b"Connection: Upgrade\r\nUpgrade: h2c") + GOOD, "9110 §7.8: may be ignored", "200 200"),
    ("Connection names a framing field", POST + b"Connection: Content-Length\r\n" + LENGTH + b"\r\n" + BODY, "9110 §7.6.1: must not be named", "201"),
    ("Connection of commas", with_field(b"Connection: ,,, ,") + GOOD, "9110 §5.6.1: empty", "200 200"),
    ("Connection: closed", with_field(b"Connection: closed"), "9110 §7.6.1: another option", "200"),
    ("Connection: close and keep-alive", with_field(b"Connection: keep-alive, close") + EVIL, "9112 §9.3: close wins", "200"),
    ("Expect with the body behind", POST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + BODY, "9110 §10.1.1: the body is there", "201"),
    ("Expect of something else", POST + b"Expect: 200-ok\r\n" + LENGTH + b"\r\n" + BODY, "9110 §10.1.1: may be 417", "201"),
    ("Expect without a body", POST + b"Expect: 100-continue\r\n\r\n", "9110 §10.1.1: ignored", "400"),
    ("Expect in HTTP/1.0", (POST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + BODY).replace(b"/1.1", b"/1.0"), "9110 §10.1.1: ignored", "201"),
    ("Expect of too much", POST + b"Expect: 100-continue\r\nContent-Length: 16385\r\n\r\n", "9110 §10.1.1: a final status", "413"),
]

# Answered by nginx before the body is whole; coupond waits for the rest and never sees it.
TORN = [
    ("a length beyond the body", with_length(b" 16", BODY), "9112 §8: incomplete", "closed"),
    ("no body", POST + LENGTH + b"\r\n", "9112 §8: incomplete", "closed"),
    ("half a chunk", chunked(b"f\r\n" + BODY[:7]), "9112 §8: incomplete", "closed"),
    ("no last chunk", chunked(b"f\r\n" + BODY + b"\r\n"), "9112 §8: incomplete", "closed"),
    ("no empty line behind the last chunk", chunked(b"f\r\n" + BODY + b"\r\n0\r\n"), "9112 §8: incomplete", "closed"),
    ("a trailer without an end", chunked(b"f\r\n" + BODY + b"\r\n0\r\nX: y"), "9112 §8: incomplete", "closed"),
]

SECTIONS = {
    "Lengths": LENGTHS,
    "Transfer codings": CODINGS,
    "Chunks": CHUNK_TRICKS,
    "Lines and fields": LINES,
    "Targets": TARGETS,
    "Request lines": REQUEST_LINES,
    "Host": HOSTS,
    "Pipelines": PIPELINES,
    "Connection, Upgrade, Expect": CONNECTIONS,
    "Torn messages": TORN,
}

MESSAGES = [Message(section, *row, torn=section == "Torn messages") for section, rows in SECTIONS.items() for row in rows]

assert len(BODY) == 15 and BOUND_BYTES == 16384  # what the lengths and chunk sizes of the table say
