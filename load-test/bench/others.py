"""The peers that coupond is compared with: Redis with a script, alone, behind webdis and behind fastify; and MariaDB
under a lock, behind fastify."""

import json
import os

from ports import free_port

from . import clients
from .clients import COUPON, QUANTITY
from .process import Peer
from .servers import MariaDB, Redis

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "peers")
INSTALLED = os.path.join(HERE, "..", "..", "build", "peers", "node_modules")
USERS, QUEUE = "users", "queue"


class OnRedis(Peer):
    """Starts Redis and loads the script."""

    def start_redis(self, port=0):
        self.redis = Redis(self.directory, port)
        self.pids["redis"] = self.spawn("redis", self.redis.command()).pid
        self.wait_until(self.redis.ready, "redis")
        with open(os.path.join(SOURCES, "decide.lua"), encoding="utf-8") as file:
            self.script = self.redis.ask("SCRIPT", "LOAD", file.read())

    def words(self, user):
        """The command that asks the script for an issue to `user`."""
        return ["EVALSHA", self.script, "2", USERS, QUEUE, user, str(QUANTITY)]

    def issued(self):
        return int(self.redis.ask("SCARD", USERS))

    def counters(self):
        return {"sent": self.issued(), "messages": self.redis.reads()}


class RedisBenchmark(OnRedis):
    """redis-benchmark expects a number of requests instead of a duration: the warm-up determines the number for the
    duration."""

    name = "redis-benchmark + Lua"
    speaks_api = False
    pipeline = 1
    rate = None

    def start(self):
        self.start_redis()

    def load(self, connections, seconds, prefix):
        requests = max(20_000, round((self.rate or 0) * seconds))
        # A user consists of two numbers: a single one would repeat.
        words = self.words("u__rand_int____rand_int__")
        result = clients.run_redis_benchmark(self.redis.socket, connections, requests, self.pipeline, words)
        self.rate = requests / result["duration_us"] * 1e6
        return result


class RedisBenchmarkPipelined(RedisBenchmark):
    name = "redis-benchmark + Lua, -P 16"
    pipeline = 16


class Webdis(OnRedis):
    name = "webdis + Lua"
    speaks_api = False

    def start(self):
        redis_port, port = free_port(), free_port()
        self.start_redis(redis_port)
        path = os.path.join(self.directory, "webdis.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"redis_host": "127.0.0.1", "redis_port": redis_port, "http_host": "127.0.0.1", "http_port": port,
                       "threads": 2, "pool_size": 16, "daemonize": False, "websockets": False, "database": 0,
                       "acl": [], "verbosity": 0, "logfile": self.log_path("webdis-own")}, file)
        self.pids["webdis"] = self.spawn("webdis", ["webdis", path]).pid
        self.url = f"http://127.0.0.1:{port}"
        self.wait_for(self.url + "/PING")

    def load(self, connections, seconds, prefix):
        return clients.run_wrk(self.url, connections, seconds, prefix, ["/" + "/".join(self.words("USER"))])


class Fastify(OnRedis):
    """The fastify front with one strategy, and the servers that it needs."""

    strategy = None
    needs_redis = needs_mariadb = False
    has_consumer = False

    def start(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = {"strategy": self.strategy, "port": int(self.url.rsplit(":", 1)[1]), "coupon": COUPON,
                    "quantity": QUANTITY}
        if self.needs_redis:
            self.start_redis()
            settings["redis"] = self.redis.socket
        if self.needs_mariadb:
            settings["mysql"] = self.start_mariadb()
        self.start_node("front", settings)
        self.wait_for(f"{self.url}/v1/coupons/{COUPON}")
        if self.has_consumer:
            self.start_node("consumer", settings)

    def start_mariadb(self):
        self.mariadb = server = self.add_server(MariaDB())
        self.pids["mariadbd"] = server.pid
        return {"socketPath": str(server.socket), "user": server.user, "password": server.password,
                "database": server.database}

    def start_node(self, name, settings):
        command = ["node", os.path.join(SOURCES, f"{name}.js"), json.dumps(settings)]
        self.pids[name] = self.spawn(name, command, NODE_PATH=INSTALLED, NODE_ENV="production").pid

    def issued(self):
        return Peer.issued(self)

    def counters(self):
        """Answers that wait for MariaDB are counted by its syncs, those that wait only for Redis by its messages."""
        if self.strategy == "lua":
            return super().counters()
        return {"decided": self.issued(), "syncs": self.mariadb.syncs()}


class FastifyLua(Fastify):
    name = "fastify + Redis Lua"
    strategy, needs_redis = "lua", True


class FastifyConsumer(Fastify):
    name = "fastify + Redis Lua, into MariaDB"
    strategy, needs_redis, needs_mariadb, has_consumer = "lua", True, True, True

    def stored(self):
        return self.issued() - int(self.redis.ask("LLEN", QUEUE))


class FastifyRowLock(Fastify):
    name = "fastify + MariaDB row lock"
    strategy, needs_mariadb = "row_lock", True


class FastifyRedisLock(Fastify):
    name = "fastify + Redis lock, MariaDB"
    strategy, needs_redis, needs_mariadb = "redis_lock", True, True


OTHERS = {
    "redis-benchmark": RedisBenchmark,
    "redis-benchmark-p16": RedisBenchmarkPipelined,
    "webdis": Webdis,
    "fastify-lua": FastifyLua,
    "fastify-lua-consumer": FastifyConsumer,
    "fastify-row-lock": FastifyRowLock,
    "fastify-redis-lock": FastifyRedisLock,
}
