"""Crowds that request coupons: locust -f load-test/locust/locustfile.py --host http://127.0.0.1:8000

--scenario selects the crowd, --crowd its size, --seconds the duration; see README.md in this folder. At the end the
master compares all answers with the state of the API: the exit status is 1 after a broken promise or a failed request.
"""

import datetime
import json
import logging
import os
import random
import time

import gevent
from locust import FastHttpUser, LoadTestShape, events, runners, task

import scenarios
from api import Api, ApiError
from people import VICTIM, Answer, judge
from promises import Book, People, Tally, summary
from tokens import Signer

STOP_SECONDS = 10  # for requests in flight at the end of a run
SETTLE_SECONDS = 10  # limit for the coupons' pages, which may be a second old, to show the last issue
log = logging.getLogger("coupond")

# Debian's package has an empty version, and the master refuses a worker without a version as outdated.
runners.__version__ = runners.__version__ or "unknown"


@events.init_command_line_parser.add_listener
def add_options(parser):
    def add(name, default, words, **more):
        variable = "COUPOND_LOAD_" + name.upper().replace("-", "_")
        parser.add_argument(f"--{name}", default=default, env_var=variable, help=words, type=type(default), **more)

    add("scenario", "countdown", "which crowd", choices=list(scenarios.SCENARIOS))
    add("crowd", 100, "number of concurrent users, on all workers together")
    add("seconds", 30, "duration of the load, without the countdown")
    add("countdown", 10,
        "seconds in which the crowd arrives; the coupon of the scenario countdown opens after them")
    add("rate", 100, "visitors per second of the scenarios soak and life")
    add("coupon-quantity", 0, "quantity of each coupon; 0: that of the scenario")
    add("coupons", 0, "number of coupons; 0: that of the scenario")
    add("run", "", "name of the run, in coupon and user ids, 1 to 16 of A-Z a-z 0-9 -; generated if empty")
    add("admin-token", "", "the token for creating coupons and reading lists, if gateway/admin_token is set",
        include_in_web_ui=False)
    add("token-keys", "", "file of the gateway's JWK set with a symmetric key: each user gets a token, as "
        "gateway/identity wants it", include_in_web_ui=False)
    add("promises", "", "file for the result of the checks, as JSON", include_in_web_ui=False)


class Plan:
    """A run, from its options; the web page passes them as text."""

    def __init__(self, options):
        self.name, self.run, self.token = options.scenario, options.run, options.admin_token
        self.token_keys = options.token_keys
        self.scenario = scenarios.SCENARIOS[self.name]
        self.quantity = int(options.coupon_quantity) or self.scenario.quantity
        self.coupons = [f"{self.run}.{number}" for number in range(int(options.coupons) or self.scenario.coupons)]
        self.crowd, self.seconds = max(1, int(options.crowd)), int(options.seconds)
        self.countdown = max(1, int(options.countdown))
        self.pause = self.crowd / max(1, int(options.rate)) if self.scenario.paced else 0


class Desk:
    """The worker's side: users, scripts, and the tally of their answers. A new one for each run."""

    def __init__(self, plan, worker):
        self.plan = plan
        self.tally = Tally()
        self.signer = Signer(plan.token_keys)
        self.scene = scenarios.Scene(plan.coupons, People(plan.run, worker), random.SystemRandom(), time.time)


class Crowd(FastHttpUser):
    """One place in the crowd, which visitors take one after another. A visitor whose request times out counts as
    unanswered."""

    network_timeout = connection_timeout = 20.0
    desk = None  # of this process

    def on_start(self):
        self.is_first = True
        self.due = time.monotonic() + random.random() * self.desk.plan.pause

    def wait_time(self):
        self.due += self.desk.plan.pause
        return max(0, self.due - time.monotonic())

    @task
    def visit(self):
        script = self.desk.plan.scenario.script(self.desk.scene, self.is_first)
        self.is_first = False
        try:
            step = next(script)
            while True:
                step = script.send(self.take(step))
        except StopIteration:
            pass

    def take(self, step):
        if isinstance(step, scenarios.Pause):
            gevent.sleep(step.seconds)
            return None
        return self.ask(step)

    def ask(self, ask):
        tally = self.desk.tally
        knew = tally.begins(ask)
        headers = {"Content-Type": "application/json"} if ask.body else {}
        if self.desk.signer.key and ask.person:
            headers["Authorization"] = f"Bearer {self.desk.signer.token(ask.person.user)}"
        elif ask.kind == "wallet" and self.desk.plan.token:
            headers["Authorization"] = f"Bearer {self.desk.plan.token}"
        with self.client.request(ask.method, ask.path, name=ask.name, data=ask.body, headers=headers,
                                 catch_response=True) as response:
            heard = judge(ask, answer_of(response), knew)
            tally.ends(ask, heard, int(time.time()))
            if heard.complaint:
                response.failure(heard.complaint)
            else:
                response.success()
        return heard


def answer_of(response):
    if response.status_code == 0:
        return Answer(0, error=repr(response.error))
    text = response.text or ""
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return Answer(response.status_code, body, response.headers.get("retry-after"))


class Shape(LoadTestShape):
    """The crowd arrives during the countdown and stays until the time is over. Runs in the master."""

    def tick(self):
        if court.book is None:
            self._await_workers()
            if not court.open(self.runner.environment):
                return None
            self.reset_time()
        plan = court.plan
        if self.get_run_time() < plan.countdown + plan.seconds:
            return plan.crowd, max(1, plan.crowd / plan.countdown)
        # The runner's own quit drops the last reports, so it is stopped first.
        self.runner.stop()
        return None

    def _await_workers(self):
        """A run that starts without workers would never progress, and they reconnect a while after the previous run."""
        while isinstance(self.runner, runners.MasterRunner) and not self.runner.clients.ready:
            gevent.sleep(0.5)


class Court:
    """The master's side: creates the coupons, collects the workers' reports, and checks the promises at the end."""

    def __init__(self):
        self.plan = self.api = self.book = None

    def open(self, environment):
        """Returns False if the run cannot start."""
        options = environment.parsed_options
        options.run = options.run or f"{os.getpid() % 1000:03d}-{int(time.time()):x}"
        self.plan = Plan(options)
        self.api = Api(environment.host or "", options.admin_token)
        try:
            if not environment.host:
                raise ApiError("the address is missing: set --host, such as http://127.0.0.1:8000")
            self._make_coupons()
        except ApiError as error:
            log.error("%s", error)
            environment.process_exit_code = 2
            return False
        self.book = Book({coupon: self.plan.quantity for coupon in self.plan.coupons})
        return True

    def _make_coupons(self):
        starts_at = None
        if self.plan.scenario.waits:
            start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.plan.countdown)
            starts_at = start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for coupon in self.plan.coupons:
            self.api.make_coupon(coupon, self.plan.quantity, starts_at)

    def close(self, environment):
        """Checks, reports, and prepares another run, whose coupons get other names."""
        if self.book is None:
            return
        try:
            found = self._judge()
        except ApiError as error:
            log.error("the promises cannot be checked: %s", error)
            found = {"kept": None, "broken": [], "error": str(error)}
        environment.process_exit_code = {True: None, False: 1, None: 2}[found["kept"]]  # None: up to Locust
        if environment.parsed_options.promises:
            with open(environment.parsed_options.promises, "w", encoding="utf-8") as file:
                json.dump({"scenario": self.plan.name, "run": self.plan.run, **found}, file, indent=2)
        self.book = None
        environment.parsed_options.run = ""

    def _judge(self):
        for coupon, user in self.book.without_answer():
            sequence = self.api.sequence_of(coupon, user)
            if sequence is not None:
                self.book.tell(coupon, sequence)
        pages = self._pages()
        broken = self.book.judge(pages, self._victims(pages) if self.plan.token_keys else ())
        found = summary(self.book, pages, broken)
        for words in broken:
            log.error("BROKEN: %s", words)
        log.info("promises %s: %s issued of %s, %s received; %s", "kept" if found["kept"] else "BROKEN",
                 f"{found['issued']:,}", f"{found['quantity']:,}", f"{found['told']:,}", found["outcomes"])
        return found

    def _victims(self, pages):
        """The users in the store who never asked for what they hold."""
        victims = []
        for coupon, policy in pages.items():
            users = []
            deadline = time.monotonic() + SETTLE_SECONDS
            while policy and len(users) < policy["issued"] and time.monotonic() < deadline:
                users = self.api.users_of(coupon)
            if policy and len(users) != policy["issued"]:
                raise ApiError(f"the store has {len(users):,} of {policy['issued']:,} issues of {coupon}")
            victims += [user for user in users if user.endswith(VICTIM)]
        return victims

    def _pages(self):
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            pages = {coupon: self.api.coupon(coupon) for coupon in self.plan.coupons}
            if not self.book.is_behind(pages) or time.monotonic() > deadline:
                return pages
            time.sleep(0.5)


court = Court()


@events.init.add_listener
def on_init(environment, **_):
    environment.stop_timeout = environment.stop_timeout or STOP_SECONDS


@events.test_start.add_listener
def on_test_start(environment, **_):
    """Here a worker has the master's options, including the name of the run."""
    if not isinstance(environment.runner, runners.MasterRunner):
        Crowd.desk = Desk(Plan(environment.parsed_options), environment.runner.worker_index)


@events.report_to_master.add_listener
def on_report(data, **_):
    if Crowd.desk:
        data["coupond"] = Crowd.desk.tally.take()


@events.worker_report.add_listener
def on_worker_report(client_id, data):
    if court.book and "coupond" in data:
        court.book.add(client_id, data["coupond"])


@events.test_stop.add_listener
def on_test_stop(environment, **_):
    """On a worker: after all of its users have ended. On the master: after all workers have ended."""
    runner = environment.runner
    if isinstance(runner, runners.WorkerRunner):
        report = {}
        events.report_to_master.fire(client_id=runner.client_id, data=report)
        runner.send_message("stats", report)
        return
    if Crowd.desk and court.book:
        court.book.add("", Crowd.desk.tally.take())
    court.close(environment)
