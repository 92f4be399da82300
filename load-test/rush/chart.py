"""An SVG chart of a run: rate, latency and CPU, each with a row for each number of gateways."""

from xml.sax.saxutils import escape

from bench.chart import HEAD, MARGIN, PANEL_HEAD, WIDTH, svg, text

from .cpu import GROUPS

ROW, BAR, FOOT, LEFT, RIGHT = 26, 16, 16, 120, 150
COUPOND = ("gateways", "issuer", "persister")
SHADES = {"Locust": "load", "HAProxy": "front", "gateways": "coupond", "issuer": "coupond", "persister": "coupond",
          "MariaDB": "store", "Redis": "store", "others": "rest"}
LEGEND = (("load", "Locust"), ("front", "HAProxy"), ("coupond", "coupond: gateways, issuer, persister"),
          ("store", "MariaDB, Redis"), ("rest", "others"))
STYLE = """<style>
  .load { fill: #8c959f; } .front { fill: #b08800; } .store { fill: #5b7fb5; } .rest { fill: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    .load { fill: #6e7681; } .front { fill: #d4a72c; } .store { fill: #7ea2d6; } .rest { fill: #3d444d; }
  }
</style>"""
SPAN = WIDTH - LEFT - RIGHT - MARGIN


def label(one):
    return f"{one['gateways']} gateway{'' if one['gateways'] == 1 else 's'}"


def rect(x, y, width, kind, tip):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{BAR}" class="{kind}">'
            f"<title>{escape(tip)}</title></rect>")


def rate_row(one, y, most):
    length = SPAN * one["rate"] / most
    words = f"{one['rate']:,.0f}"
    return [rect(LEFT, y, length, "coupond", f"{label(one)}: {words} answers per second"),
            text(LEFT + length + 8, y + BAR - 3, words, "figure")]


def latency_row(one, y, most):
    left, right = (LEFT + SPAN * one[name] / most for name in ("p50_ms", "p99_ms"))
    middle = y + BAR / 2
    return [f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" class="coupond line"/>',
            f'<line x1="{right:.1f}" x2="{right:.1f}" y1="{middle - 5:.1f}" y2="{middle + 5:.1f}" '
            'class="coupond line"/>',
            f'<circle cx="{left:.1f}" cy="{middle:.1f}" r="4" class="coupond"/>',
            text(WIDTH - MARGIN, y + BAR - 3, f"{one['p50_ms']:,.0f} … {one['p99_ms']:,.0f} ms", "figure", "end")]


def cpu_row(one, y, most):
    lines, x = [], LEFT
    for group in GROUPS:
        cores = one["cores_by"].get(group, 0)
        if cores > 0:
            lines.append(rect(x, y, SPAN * cores / most, SHADES[group], f"{label(one)}, {group}: {cores:.2f} cores"))
            x += SPAN * cores / most
    coupond = sum(one["cores_by"].get(group, 0) for group in COUPOND)
    return [*lines,
            text(WIDTH - MARGIN, y + BAR - 3, f"Locust {one['cores_by'].get('Locust', 0):.2f}, coupond {coupond:.2f}",
                 "figure", "end")]


def panel(title, rows, draw_row, y, most):
    lines = [text(MARGIN, y + 16, title, "panel")]
    for number, one in enumerate(rows):
        top = y + PANEL_HEAD - 10 + number * ROW
        lines += [text(LEFT - 10, top + BAR - 3, label(one), "end"), *draw_row(one, top, most)]
    return lines


def legend(y):
    lines, x = [], LEFT
    for kind, words in LEGEND:
        lines += [f'<rect x="{x}" y="{y - 9}" width="10" height="10" class="{kind}"/>', text(x + 15, y, words, "quiet")]
        x += 40 + 7 * len(words)
    return lines


def draw(report):
    """The text of the SVG."""
    rows, cores = report["turns"], report["machine"]["cores"]
    panels = (("answers to issue requests, per second", rate_row, max(one["rate"] for one in rows) or 1),
              ("latency measured by Locust, from p50 to p99", latency_row, max(one["p99_ms"] for one in rows) or 1),
              (f"CPU, of {cores} cores", cpu_row, max([cores, *(sum(one["cores_by"].values()) for one in rows)])))
    lines, y = [STYLE], HEAD
    for title, draw_row, most in panels:
        lines += panel(title, rows, draw_row, y, most)
        y += PANEL_HEAD + len(rows) * ROW
    lines += legend(y + 4)
    y += 28
    for one in rows:
        lines.append(text(MARGIN, y, f"bottleneck with {label(one)}: {one['limit']}", "quiet"))
        y += 18
    lines.append(text(MARGIN, y, machine_line(report), "quiet"))
    return svg(f"Locust and coupond: {report['scenario']}, {report['users']:,} users", lines, y + FOOT)


def machine_line(report):
    machine = report["machine"]
    workers = f"{report['workers']} worker{'' if report['workers'] == 1 else 's'}"
    return (f"all on one machine: {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
            f"{machine['filesystem']}; Locust with {workers}, {report['seconds']} s")
