#!/usr/bin/env python3
"""Has 20,000 users do everything with their issues over 64 connections, while issuer, gateways and persisters are
killed, and checks every answer, all wallets and lists, and the store.

    ./dev life [--users N] [--seed N] [--store sqlite|mariadb|mysql]

tests/support/life_run.py describes the run, life_model.py the model, and life_judge.py the checks. The exit status is 0
if every promise was kept; otherwise the directory with logs and journal is kept.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]

from life_run import run_life


def parse():
    parser = argparse.ArgumentParser(prog="./dev life", description=(
        "Has users issue, redeem, undo and revoke over 64 connections while members are killed, and compares every "
        "answer, all wallets and the lists with a model."))
    parser.add_argument("--users", type=int, default=20_000, metavar="N", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32), metavar="N",
                        help="repeats the choice of requests and kills, but not their exact timing (random)")
    parser.add_argument("--store", choices=("sqlite", "mariadb", "mysql"), default="sqlite",
                        help="mysql: MySQL 9, which is downloaded once (%(default)s)")
    return parser.parse_args()


def main():
    arguments = parse()
    directory = Path(tempfile.mkdtemp(prefix="coupond-life-"))
    print(f"==> life --users {arguments.users} --seed {arguments.seed} --store {arguments.store}, in {directory}",
          flush=True)
    print(run_life(directory, arguments.store, arguments.users, random.Random(arguments.seed)).figures())
    shutil.rmtree(directory)
    print("==> every promise was kept")


if __name__ == "__main__":
    main()
