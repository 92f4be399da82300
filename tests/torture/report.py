"""The output of a torture run: a line every few seconds, and the table at the end."""

import collections
import textwrap
import threading

from history import FINAL, NOTHING, UNKNOWN, code_of, outcome

SECONDS_BETWEEN = 5
LINE = 120  # characters, of the documents


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
        seconds, told, asked = 0, 0, 0
        while not self._over.wait(SECONDS_BETWEEN):
            seconds += SECONDS_BETWEEN
            ops = self.traffic.ops
            rate, asked = (len(ops) - asked) / SECONDS_BETWEEN, len(ops)
            injected, proved, _ = self.devil.totals()
            print(f"[{seconds:4} s] {asked} requests ({rate:.0f}/s), faults {injected}, shown {proved}, now: "
                  f"{'; '.join(self.devil.in_hand()) or '-'}", flush=True)
            told = self._tell_faults(told)

    def _tell_faults(self, told):
        log = list(self.devil.log)
        for began, ended, kind, target, said in log[told:]:
            print(f"         {kind} ({target}), {ended - began:.1f} s: {said}", flush=True)
        return len(log)


class Summary:
    def __init__(self, arguments, world, traffic, devil, seconds):
        self.arguments, self.world, self.devil, self.seconds = arguments, world, devil, seconds
        self.ops = traffic.ops
        self.outcomes = collections.Counter(outcome(op) for op in self.ops)
        self.codes = collections.Counter(code_of(op) or str(op.status) for op in self.ops)

    def table(self):
        lines = ["| fault | injected | shown to have happened | survived | what showed the last one |",
                 "|---|---|---|---|---|"]
        for kind in self.devil.kinds:
            tally = self.devil.tallies[kind.name]
            lines.append(f"| {kind.name} | {tally.injected} | {tally.proved} | {tally.survived} | {tally.proof} |")
        injected, proved, survived = self.devil.totals()
        lines.append(f"| **together** | **{injected}** | **{proved}** | **{survived}** | |")
        return "\n".join(lines)

    def figures(self):
        issued = self.codes["201"]
        coupons = len({op.coupon for op in self.ops})
        kinds = sum(1 for tally in self.devil.tallies.values() if tally.proved)
        lies = sum(self.world.strangers.told.values()) if self.world.strangers else 0
        return (f"{self.seconds / 60:.0f} minutes, {len(self.ops):,} requests for {coupons:,} coupons, {issued:,} "
                f"answered `201`; {self.outcomes[FINAL]:,} final answers, {self.outcomes[NOTHING]:,} times \"nothing "
                f"was decided\", {self.outcomes[UNKNOWN]:,} answers lost or unknown; faults of {kinds} kinds; "
                f"strangers without the secret told the issuer {lies:,} lies of "
                f"{len(self.world.strangers.told) if lies else 0} sorts; `coupond verify` looked at the running system "
                f"{self.world.verified[0]} times and found nothing ({self.world.verified[2]} times it could not look).")

    def page(self):
        paragraphs = [
            f"A long run of `./dev torture` (store: {self.arguments.store}, seed {self.arguments.seed}). "
            "`tests/torture/torture.py` says how it is done, `tests/torture/kinds.py` lists the faults, and "
            "`tests/torture/checker.py` says what is judged.",
            self.figures(),
            "Every promise was kept: each request was answered in the end, each `201` is in the journal and in the "
            "store as it was told, the history of each coupon is linearizable, no request took effect after its client "
            "had been told that nobody knows its outcome, no stranger was ever answered, and nothing that one asked "
            "for is in the journal or the store; and `coupond verify` found nothing.",
            *(f"Left out: {what} ({reason})." for what, reason in self.world.missing.items())]
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
