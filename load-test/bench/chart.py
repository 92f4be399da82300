"""An SVG chart of a run: a panel for each number of connections, a bar for the rate of each peer; it follows the
reader's light or dark theme."""

from xml.sax.saxutils import escape

WIDTH, LABELS, FIGURES = 860, 270, 150  # of the whole, of what is left of the bars, of what is right of them
ROW, BAR, PANEL_HEAD, HEAD, FOOT, MARGIN = 24, 15, 40, 50, 34, 20

STYLE = """\
  text { font: 13px system-ui, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .panel { font-weight: 600; }
  .quiet { fill: #656d76; font-size: 12px; }
  .small { fill: #656d76; font-size: 10px; }
  .middle { text-anchor: middle; }
  .end { text-anchor: end; }
  .figure { font-variant-numeric: tabular-nums; }
  .coupond { fill: #1a7f5a; stroke: #1a7f5a; }
  .other { fill: #8c959f; stroke: #8c959f; }
  .line { stroke-width: 2; }
  rect.coupond, rect.other { stroke: none; }
  .axis { stroke: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet, .small { fill: #9198a1; }
    .coupond { fill: #3fb68b; stroke: #3fb68b; }
    .other { fill: #6e7681; stroke: #6e7681; }
    .axis { stroke: #3d444d; }
  }
"""


def text(x, y, words, *kinds):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{" ".join(kinds)}">{escape(words)}</text>'


def kind_of(peer):
    return "coupond" if peer.startswith("coupond") else "other"


def machine_line(report, client):
    machine = report["machine"]
    return (f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, {machine['filesystem']}; "
            f"{client}, {report['seconds']} s, medians of rounds: {report['rounds']}")


def svg(title, lines, height):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            'role="img">\n'
            f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n"
            + "\n".join([text(MARGIN, 30, title, "title"), *lines]) + "\n</svg>\n")


def bar(one, y, most):
    """The row of a peer: name, bar, and its rate with the latency behind it."""
    length = max(1, (WIDTH - LABELS - FIGURES - MARGIN) * one["rate"] / most)
    base, kind = y + BAR - 3, kind_of(one["peer"])
    tip = f"{one['peer']}, {one['connections']:,} connections: {one['rate']:,.0f}/s, p50 {one['p50_us'] / 1000:.2f} ms"
    return [
        "<g>",
        f"<title>{escape(tip)}</title>",
        text(LABELS - 10, base, one["peer"], "end"),
        f'<rect x="{LABELS}" y="{y:.0f}" width="{length:.1f}" height="{BAR}" rx="2" class="{kind}"/>',
        text(LABELS + length + 8, base, f"{one['rate']:,.0f}", "figure"),
        text(WIDTH - MARGIN, base, f"{one['p99_us'] / 1000:,.2f} ms", "quiet", "figure", "end"),
        "</g>",
    ]


def panel(connections, results, y, most):
    lines = [text(MARGIN, y + 16, f"{connections:,} connections", "panel"),
             text(LABELS, y + 16, "requests/s", "quiet"), text(WIDTH - MARGIN, y + 16, "p99", "quiet", "end")]
    top = y + PANEL_HEAD - 14
    for number, one in enumerate(results):
        lines += bar(one, top + number * ROW, most)
    lines.append(f'<line x1="{LABELS}" x2="{LABELS}" y1="{top - 4}" y2="{top + len(results) * ROW - 4}" class="axis"/>')
    return lines


def draw(report):
    """The text of the SVG."""
    results = report["results"]
    most = max(one["rate"] for one in results)
    lines, y = [], HEAD
    for connections in sorted({one["connections"] for one in results}):
        of_these = [one for one in results if one["connections"] == connections]
        lines += panel(connections, of_these, y, most)
        y += PANEL_HEAD + len(of_these) * ROW
    lines.append(text(MARGIN, y + 16, machine_line(report, "wrk with one thread"), "quiet"))
    return svg("Issues per second, each to a new user", lines, y + FOOT)
