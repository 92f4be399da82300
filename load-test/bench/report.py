"""The results of a run, as a table and as files: JSON, and an SVG chart."""

import json
import os

from . import chart, gateways, grow, latency_chart


def figure(value, form="{:,.1f}"):
    return "" if value is None else form.format(value)


def rounds_of(report):
    return "one round" if report["rounds"] == 1 else f"{report['rounds']} rounds"


def print_head(report):
    machine, sync = report["machine"], report["fdatasync_us"]
    print(
        f"\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, journal on {machine['filesystem']}"
    )
    print(f"fdatasync of 8 KiB on that device: p50 {sync['p50']:,.0f} µs, p99 {sync['p99']:,.0f} µs")
    wrk = "" if "gateways" in report else "wrk with one thread (redis-benchmark: itself), "
    print(f"{wrk}{report['seconds']} s per measurement, medians of {rounds_of(report)}\n")


def print_rates(report):
    print(f"{'connections':>11}  {'peer':<34}{'rate /s':>10}{'of nginx':>9}{'coupond/it':>11}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'per sync':>10}{'per message':>13}{'stored /s':>11}  CPU µs per request")
    for one in report["results"]:
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in one["cpu_us"].items())
        print(f"{one['connections']:>11}  {one['peer']:<34}{one['rate']:>10,.0f}{one['ratio']:>9.2f}"
              f"{figure(one['coupond_ratio'], '{:,.2f}'):>11}{one['p50_us'] / 1000:>9.2f}{one['p99_us'] / 1000:>9.2f}"
              f"{figure(one['requests_per_sync']):>10}{figure(one['requests_per_message']):>13}"
              f"{figure(one['stored_rate'], '{:,.0f}'):>11}  {cpu}")
    print("\nper sync, per message: requests decided by one fdatasync, carried by one message from gateway to issuer "
          "(from front to Redis)\ncoupond/it: coupond's rate with sync = always and no store, divided by this one; "
          "stored: rows stored in the database meanwhile")


def print_against(compared, title):
    for number, one in enumerate(compared):
        if number == 0:
            print(f"\n{title}, within each round:\n{'connections':>11}  {'peer':<34}{'rate':>7}  CPU per request")
        cpu = ", ".join(f"{name} {value:.3f}" for name, value in one["cpu_ratio"].items() if value is not None)
        print(f"{one['connections']:>11}  {one['peer']:<34}{one['rate_ratio']:>7.3f}  {cpu}")


def told_limits(seen):
    """The columns beside the latencies of coupond: the device's own, and whether the derived limits were kept."""
    if "device_p50_us" not in seen:
        return ""
    told = []
    for name in ("p50", "p99"):
        verdict = "within" if seen[f"{name}_within"] else "beyond"
        told.append(f"{seen[f'device_{name}_us'] / 1000:>10.2f}{seen[f'limit_{name}_us'] / 1000:>8.2f} {verdict}")
    return "".join(told)


def print_open_loop(report):
    asked = [one for one in report["results"] if one.get("open_loop")]
    if not asked:
        return
    print(f"\nat a constant rate, latency from the intended send time:\n{'connections':>11}  "
          f"{'peer':<34}{'share':>6}{'rate /s':>10}{'answered /s':>13}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}"
          f"{'sync p50':>10}{'limit p50':>15}{'sync p99':>10}{'limit p99':>15}")
    for one in asked:
        for share, seen in one["open_loop"].items():
            print(f"{one['connections']:>11}  "
                  f"{one['peer']:<34}{share + ' %':>6}{seen['rate']:>10,.0f}{seen['answered_rate']:>13,.0f}"
                  f"{seen['p50_us'] / 1000:>9.2f}{seen['p99_us'] / 1000:>9.2f}{seen['p99.9_us'] / 1000:>10.2f}"
                  f"{told_limits(seen)}")
    print("\nsync: ms of the device for a write of a batch's size and fdatasync, before and after"
          "\nlimits in ms: p50 1.5 times the device's plus 1 ms, p99 3 times the device's plus 1 ms; the target at "
          "half of the rate")


def print_refusals(report):
    for one in report["results"]:
        if one["not_2xx"]:
            print(f"{one['peer']} at {one['connections']} connections: {one['not_2xx']:,} answers were refusals "
                  "(not 2xx); they are not in the rate")


def print_repeated(report):
    for one in report["results"]:
        if one["repeated"]:
            print(f"{one['peer']} at {one['connections']} connections: repeated in {one['repeated']} rounds, "
                  "because the first measurement failed")


def print_table(report):
    print_head(report)
    if "gateways" in report:
        gateways.print_table(report["gateways"])
    if "grow" in report:
        grow.print_table(report["grow"])
    if not report["results"]:
        return
    print_rates(report)
    print_against(report["against"], "this build as a multiple of the other")
    print_against(report["encrypted"], "over encrypted TCP as a multiple of plain TCP")
    print_open_loop(report)
    print_refusals(report)
    print_repeated(report)


def write_files(folder, report):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"bench-{report['date'].replace(':', '')}")
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    drawings = ((".svg", chart.draw(report)), ("-latency.svg", latency_chart.draw(report))) if report["results"] else ()
    for ending, drawing in drawings:
        if drawing:
            with open(path + ending, "w", encoding="utf-8") as file:
                file.write(drawing)
    print(f"written to {os.path.relpath(path)}.json{' and as charts, .svg' if drawings else ''}")
