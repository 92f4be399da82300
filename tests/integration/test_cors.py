"""Pages of other origins: the answers to a browser's requests with gateway/cors_origins, and without."""

import contextlib
import socket

import pytest
from cluster import Cluster, run_coupond

SHOP = "https://shop.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def told(headers):
    return {name: value for name, value in headers.items() if name.startswith("Access-Control-") or name == "Vary"}


def test_a_page_of_a_named_origin_can_use_the_api(tmp_path):
    with Cluster.dev(tmp_path, options={"gateway/cors_origins": f"{SHOP}, http://localhost:3000"}) as cluster:
        status, headers, body = cluster.request("OPTIONS", "/v1/coupons/A0001/issues",
                                                headers={"Origin": SHOP, **PREFLIGHT})
        assert (status, body) == (204, None)
        assert headers["Access-Control-Allow-Origin"] == SHOP
        assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
        assert "Content-Type" in headers["Access-Control-Allow-Headers"]
        assert int(headers["Access-Control-Max-Age"]) > 0
        for path, method, wanted in (("/v1/coupons/A0001/issues/u", "PUT", 201),
                                     ("/v1/coupons/A0001/issues/u", "GET", 200), ("/v1/coupons/A0001", "GET", 200),
                                     ("/v1/coupons/A0001", "HEAD", 200), ("/v1/coupons", "GET", 200),
                                     ("/v1/nowhere", "GET", 404), ("/livez", "GET", 200)):
            status, headers, _ = cluster.request(method, path, headers={"Origin": SHOP})
            assert status == wanted, path
            assert told(headers) == {
                "Access-Control-Allow-Origin": SHOP, "Vary": "Origin",
                "Access-Control-Expose-Headers": "ETag, Location, Retry-After, X-As-Of, X-Request-Id"}, path
        status, headers, _ = cluster.request("GET", "/v1/coupons/A0001", headers={"Origin": "https://other.example"})
        assert (status, told(headers)) == (200, {"Vary": "Origin"})
        status, headers, body = cluster.request("OPTIONS", "/v1/coupons",
                                                headers={"Origin": "https://other.example", **PREFLIGHT})
        assert (status, body["code"], told(headers)) == (403, "forbidden", {"Vary": "Origin"})
        requests = cluster.gateways[0].metrics()
        assert requests['coupond_gateway_requests_total{route="preflight",status="204"}'] == 1


EARLY = {
    "too large": (f"POST /v1/coupons HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nContent-Length: 99999999\r\n\r\n", 413),
    "coding": (f"POST /v1/coupons HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "syntax": (f"GET /livez HTTP/1.1\r\nHost: a\r\norigin:{SHOP}\r\nb ad: x\r\n\r\n", 400),
    "headers": (f"GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nX: {'x' * 20000}\r\n\r\n", 431),
    "fields": (f"GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\n" + "Y: z\r\n" * 101 + "\r\n", 431),
    "chunk": (f"POST /v1/coupons HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
              400),
    "late": (f"GET /livez HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nX", 408),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_page_can_read_why_its_request_was_refused_early(tmp_path, name):
    text, status = EARLY[name]
    options = {"gateway/cors_origins": SHOP, "gateway/header_timeout_ms": 300}
    with Cluster.dev(tmp_path, options=options) as cluster, contextlib.ExitStack() as stack:
        host, port = cluster.addresses[0].split(":")
        peer = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        peer.sendall(text.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = peer.recv(4096)
            assert piece, head
            head += piece
        assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
        assert f"\r\nAccess-Control-Allow-Origin: {SHOP}\r\n".encode() in head


def test_without_origins_there_are_no_cors_headers(tmp_path):
    with Cluster.dev(tmp_path) as cluster:
        assert cluster.request("OPTIONS", "/v1/coupons", headers={"Origin": SHOP, **PREFLIGHT})[0] == 405
        for path in ("/v1/coupons/A0001", "/v1/coupons", "/v1/nowhere"):
            assert told(cluster.request("GET", path, headers={"Origin": SHOP})[1]) == {}


@pytest.mark.parametrize("wrong",
                         ["https://shop.example/", "shop.example", "*,https://shop.example",
                          "https://shop.example:443"])
def test_an_invalid_origin_is_refused_at_the_start(wrong):
    result = run_coupond("gateway", "--check-config", "--set", f"gateway/cors_origins={wrong}")
    assert result.returncode == 2
    assert "gateway/cors_origins" in result.stderr and "must" in result.stderr
