"""Answers that show a redemption which only the store still has."""

import threading

from cluster import Cluster
from companion import Companion
from life import Life, deciding
from ports import free_port
from servers import MariaDB


def test_an_answer_never_shows_a_later_redemption_than_its_decision(tmp_path):
    """The first gateway's question to the store is held back until the redemption has been replaced by another."""
    port = free_port()
    with MariaDB() as database, Companion("relay.py", [f"{port}=127.0.0.1:{database.port}"]) as relay:
        cluster = Cluster(tmp_path, gateways=2, database=database, options={"gateway/store_timeout_ms": 60_000})
        for option in ("store/socket=", "store/host=127.0.0.1", f"store/port={port}"):
            cluster.gateways[0].arguments += ["--set", option]
        with cluster:
            late, life = Life(cluster, "C"), Life(cluster, "C", gateway=1)
            life.create()
            life.ensure("alice")
            first = life.redeem("alice", "order-1")[1]
            cluster.wait_drained()
            status, problem = late.redeem("alice", "order-2")
            assert (status, problem["code"], problem["issue"]) == (409, "already_redeemed", first)  # from the store
            answers = []
            asking = threading.Thread(target=lambda: answers.append(late.redeem("alice", "order-2")))
            relay.say("hold", "to")
            relay.wait_for("holding")
            with deciding(cluster, already_redeemed=1):
                asking.start()
                relay.wait_for("first_byte")
            assert life.undo("alice", "order-1")[0] == 200
            assert life.redeem("alice", "order-2")[0] == 201
            cluster.wait_drained()
            relay.say("let_go")
            asking.join()
            status, problem = answers[0]
            assert (status, problem["code"], problem["issue"]["state"]) == (409, "already_redeemed", "redeemed")
            assert "redemption" not in problem["issue"]
