"""Strangers without the secret are at the issuer's ports all the time; sometimes they hurry."""

from faults import PROOF_SECONDS, proof
from harm.common import Rise, hold, metric_or


def hurry(world, random, _):
    """A crowd of strangers. An answer to any of them breaks the run; its end checks for traces of their requests."""
    refused = Rise(lambda: metric_or(world.cluster.issuer, "coupond_issuer_peers_refused_total", None))
    told = world.strangers.total()
    with world.strangers.in_a_hurry():
        proof(lambda: world.ending or refused.so_far() > 0, "the issuer refused no key", seconds=2 * PROOF_SECONDS,
              pause=0.2)
        hold(random)
    proof(lambda: world.ending or world.strangers.total() > told, "the issuer hung up on nobody")
    return f"{world.strangers.total() - told} lies told, {refused.so_far():.0f} false keys refused, nobody was answered"
