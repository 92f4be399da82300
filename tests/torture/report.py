"""The output of a torture run: a line every few seconds, and the report at the end."""

import collections
import textwrap
import threading

from history import FINAL, NOTHING, UNKNOWN, code_of, outcome

SECONDS_BETWEEN = 5
LINE = 120  # width of the documents in characters


class Progress:
    """Prints a line every few seconds inside a with block."""

    def __init__(self, world, traffic, devil):
        self.world, self.traffic, self.devil = world, traffic, devil
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        seconds, printed, asked = 0, 0, 0
        while not self._over.wait(SECONDS_BETWEEN):
            seconds += SECONDS_BETWEEN
            ops = self.traffic.ops
            rate, asked = (len(ops) - asked) / SECONDS_BETWEEN, len(ops)
            injected, proved, _ = self.devil.totals()
            print(f"[{seconds:4} s] {asked} requests ({rate:.0f}/s), faults {injected}, proved {proved}, now: "
                  f"{'; '.join(self.devil.active()) or '-'}", flush=True)
            printed = self._print_faults(printed)

    def _print_faults(self, printed):
        log = list(self.devil.log)
        for began, ended, kind, target, said in log[printed:]:
            print(f"         {kind} ({target}), {ended - began:.1f} s: {said}", flush=True)
        return len(log)


class Summary:
    def __init__(self, arguments, world, traffic, devil, seconds):
        self.arguments, self.world, self.devil, self.seconds = arguments, world, devil, seconds
        self.ops = traffic.ops
        self.outcomes = collections.Counter(outcome(op) for op in self.ops)
        self.codes = collections.Counter(code_of(op) or str(op.status) for op in self.ops)

    def table(self):
        lines = ["| fault | injected | proved | survived | proof of the last one |",
                 "|---|---|---|---|---|"]
        for kind in self.devil.kinds:
            tally = self.devil.tallies[kind.name]
            lines.append(f"| {kind.name} | {tally.injected} | {tally.proved} | {tally.survived} | {tally.proof} |")
        injected, proved, survived = self.devil.totals()
        lines.append(f"| **total** | **{injected}** | **{proved}** | **{survived}** | |")
        return "\n".join(lines)

    def figures(self):
        issued = self.codes["201"]
        coupons = len({op.coupon for op in self.ops})
        kinds = sum(1 for tally in self.devil.tallies.values() if tally.proved)
        false_messages = sum(self.world.strangers.told.values()) if self.world.strangers else 0
        return (f"{self.seconds / 60:.0f} minutes, {len(self.ops):,} requests for {coupons:,} coupons, {issued:,} "
                f"answered `201`; {self.outcomes[FINAL]:,} final answers, {self.outcomes[NOTHING]:,} answers that "
                f"nothing was decided, {self.outcomes[UNKNOWN]:,} answers lost or `outcome_unknown`; faults of {kinds} "
                f"kinds. Peers without the secret sent the issuer {false_messages:,} false messages of "
                f"{len(self.world.strangers.told) if false_messages else 0} types. `coupond verify` checked the "
                f"running system {self.world.verified[0]} times and found no violation ({self.world.verified[2]} more "
                f"checks could not run).")

    def page(self):
        paragraphs = [
            f"A run of `./dev torture` (store: {self.arguments.store}, seed {self.arguments.seed}). "
            "`tests/torture/torture.py` describes the set-up, `tests/torture/kinds.py` lists the faults, and "
            "`tests/torture/checker.py` defines the checks.",
            self.figures(),
            "Every promise was kept: each request got a final answer in the end, the journal and the store contain "
            "each `201` as it was answered, the history of each coupon is linearizable, and no request took effect "
            "after its client had received `outcome_unknown`. No peer without the secret was ever answered, and "
            "neither the journal nor the store contains anything that such a peer requested. `coupond verify` found "
            "no violation.",
            *(f"Not included: {what} ({reason})." for what, reason in self.world.missing.items())]
        text = "\n\n".join(textwrap.fill(paragraph, LINE, break_on_hyphens=False, break_long_words=False)
                           for paragraph in paragraphs)
        return f"# What coupond has survived\n\n{text}\n\n{self.table()}\n"


def write(directory, summary):
    """Writes the faults with their times, for the analysis of a broken promise."""
    with open(directory / "faults.log", "w", encoding="utf-8") as file:
        for began, ended, kind, target, said in summary.devil.log:
            file.write(f"{began:.3f} {ended:.3f} {kind} ({target}): {said}\n")
    (directory / "table.md").write_text(summary.page())
    print(summary.figures())
    print(", ".join(f"{code} {count:,}" for code, count in summary.codes.most_common()))
