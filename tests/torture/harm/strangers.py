"""Peers without the secret send false messages to the issuer during the whole run; this fault raises their rate."""

from faults import PROOF_SECONDS, proof
from harm.common import Rise, hold, metric_or


def hurry(world, random, _):
    """Sends false messages at a high rate. An answer to any of them breaks the run; the checker looks for traces of
    their requests at the end."""
    refused = Rise(lambda: metric_or(world.cluster.issuer, "coupond_issuer_peers_refused_total", None))
    before = world.strangers.total()
    with world.strangers.in_a_hurry():
        proof(lambda: world.ending or refused.so_far() > 0, "the issuer refused no key", seconds=2 * PROOF_SECONDS,
              pause=0.2)
        hold(random)
    proof(lambda: world.ending or world.strangers.total() > before, "no false message reached the issuer")
    sent = world.strangers.total() - before
    return f"{sent} false messages sent, {refused.so_far():.0f} false keys refused, none answered"
