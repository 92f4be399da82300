"""An SVG chart of latencies at constant rates: a row for each peer, with a line from p50 to p99 for each share of its
rate."""

import math
from xml.sax.saxutils import escape

from .chart import HEAD, LABELS, MARGIN, PANEL_HEAD, WIDTH, kind_of, machine_line, svg, text

ROW, LINE, FOOT = 40, 11, 52
FIGURES = 165  # right of the lines
DECADES = (0.01, 10_000)  # ms; the axis spans the required decades of these


def span(results):
    """The ends of the axis in ms, powers of ten."""
    figures = [seen[name] / 1000 for one in results for seen in one["open_loop"].values()
               for name in ("p50_us", "p99_us")]
    first = math.floor(math.log10(max(min(figures), DECADES[0])))
    last = math.ceil(math.log10(min(max(figures), DECADES[1])))
    return first, max(last, first + 1)


def place(ms, ends):
    first, last = ends
    share = (math.log10(max(ms, 10**first)) - first) / (last - first)
    return LABELS + (WIDTH - LABELS - FIGURES - MARGIN) * min(share, 1)


def line(seen, share, y, ends, kind):
    """A line from p50, a dot, to p99, a bar."""
    p50, p99 = seen["p50_us"] / 1000, seen["p99_us"] / 1000
    left, right = place(p50, ends), place(p99, ends)
    tip = f"{share} %, {seen['rate']:,.0f}/s: p50 {p50:,.2f} ms, p99 {p99:,.2f} ms"
    return [f"<g><title>{escape(tip)}</title>",
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="{kind} line"/>',
            f'<line x1="{right:.1f}" x2="{right:.1f}" y1="{y - 3:.1f}" y2="{y + 3:.1f}" class="{kind} line"/>',
            f'<circle cx="{left:.1f}" cy="{y:.1f}" r="3.2" class="{kind}"/>',
            text(WIDTH - MARGIN, y + 4, f"{share} %  {p50:,.2f} … {p99:,.2f} ms", "small", "figure", "end"), "</g>"]


def row(one, y, ends):
    lines = [text(LABELS - 10, y + LINE + 4, one["peer"], "end")]
    for number, (share, seen) in enumerate(one["open_loop"].items()):
        lines += line(seen, share, y + number * LINE, ends, kind_of(one["peer"]))
    return lines


def axis(top, bottom, ends):
    lines = []
    for power in range(ends[0], ends[1] + 1):
        x = place(10**power, ends)
        lines += [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" class="axis"/>',
                  text(x, top - 6, f"{10**power:,g} ms", "small", "middle")]
    return lines


def panel(connections, results, y, ends):
    top = y + PANEL_HEAD
    lines = [text(MARGIN, y + 16, f"{connections:,} connections", "panel"),
             *axis(top - 10, top + len(results) * ROW - 14, ends)]
    for number, one in enumerate(results):
        lines += row(one, top + number * ROW, ends)
    return lines


def draw(report):
    """The text of the SVG, or None if no latencies were measured."""
    results = [one for one in report["results"] if one.get("open_loop")]
    if not results:
        return None
    ends, lines, y = span(results), [], HEAD
    for connections in sorted({one["connections"] for one in results}):
        of_these = [one for one in results if one["connections"] == connections]
        lines += panel(connections, of_these, y, ends)
        y += PANEL_HEAD + len(of_these) * ROW + 10
    lines += [text(MARGIN, y + 12,
                   "A dot at p50, a bar at p99, for each share of the peer's measured rate; counted from the "
                   "intended send time.", "quiet"),
              text(MARGIN, y + 32, machine_line(report, "coupond bench"), "quiet")]
    return svg("Latency at a constant rate", lines, y + FOOT)
