"""Alerts that must fire, and reach the Alertmanager, when services vanish from service discovery: a stage of ./dev
containers."""

from progress import step, wait_until
from system import API, ask

ALERT_SECONDS = 150
# services that are stopped together, and the alerts that must fire then
STOPPED = [
    (("issuer", "persister", "mysql", "redis"),
     {"CoupondIssuerDown", "CoupondGatewayWithoutIssuer", "CoupondPersisterDown", "DatabaseDown", "RedisDown"}),
    (("gateway",), {"CoupondNoGateway", "CoupondGatewayDown", "HaproxyGatewaysGone"}),
    (("haproxy",), {"HaproxyDown"}),
]


def alerts(run):
    """stops services, so that their names are NXDOMAIN: every alert about them fires, then resolves"""
    system = run.system
    for services, wanted in STOPPED:
        with step(f"{', '.join(services)} stopped: {', '.join(sorted(wanted))}"):
            system.compose("stop", *services)
            if services == ("gateway",):
                refused(run)
            wait_until(lambda wanted=wanted: wanted <= noted(run), ALERT_SECONDS,
                       lambda wanted=wanted: f"{sorted(wanted - run.fired)} fire; {sorted(system.firing())} do")
    wait_until(lambda: {"CoupondIssuerDown", "CoupondNoGateway", "HaproxyDown"} <= received(system), 30,
               lambda: f"the Alertmanager is told: it has {sorted(received(system))}")
    with step("restart them, and wait until the alerts resolve"):
        system.up()
        system.wait_healthy()
        gone = {name for _, names in STOPPED for name in names}
        wait_until(lambda: not system.firing() & gone, ALERT_SECONDS,
                   lambda: f"{sorted(system.firing() & gone)} keep firing")
    run.judge()


def received(system):
    """The names of the alerts that the Alertmanager has."""
    alertmanager = system.address(system.names("alertmanager")[0], 9093)
    return {alert["labels"]["alertname"] for alert in ask(alertmanager, "GET", "/api/v2/alerts")[2]}


def noted(run):
    run.fired |= run.system.firing()
    return run.fired


def refused(run):
    """Without a gateway clients receive 503 with Retry-After from HAProxy, in the gateways' format."""
    def said():
        status, headers, body = ask(API, "GET", "/v1/coupons/NOON")
        return status == 503 and headers["Retry-After"] and body["code"] == "issuer_unavailable"
    wait_until(said, 30, lambda: f"HAProxy answers for stopped gateways: {ask(API, 'GET', '/v1/coupons/NOON')}")
    run.note("without a gateway HAProxy answers 503 issuer_unavailable with Retry-After")
