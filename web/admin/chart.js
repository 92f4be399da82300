// A small chart of what happens now: with uPlot, or as lines alone in a program that was built without it.

import { element, setText } from "../common/dom.js";
import { number, text, ui } from "./ui.js";

const Plot = globalThis.uPlot; // charts/library.js, which only programs built after ./dev pages have
const kept = 240; // points
const height = 150;
const scheme = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) =>
  new Intl.NumberFormat(ui.language.code, { notation: "compact", maximumFractionDigits: 1 }).format(value);

function plotOptions(series, width) {
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 4, 0, 0],
    scales: { y: { range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(1, (most ?? 1) * 1.1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300],
        space: 70,
        values: (_, times) =>
          times.map((time) =>
            ui.language.time(time * 1000, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
          ),
      },
      { ...axis, size: 46, values: (_, values) => values.map(short) },
    ],
    series: [{}, ...series.map(([, name]) => ({ stroke: colour(name), width: 2, points: { show: false } }))],
  };
}

/** Lines in an SVG, without axes. */
function createLines(host, series) {
  const lines = series.map(([, name]) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", `line ${name.slice(2)}`);
    return line;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of [
    ["viewBox", "0 0 240 100"],
    ["preserveAspectRatio", "none"],
    ["class", "lines"],
  ])
    svg.setAttribute(name, value);
  svg.append(...lines);
  host.append(svg);
  return {
    setData([times, ...rows]) {
      const most = Math.max(1, ...rows.flat().map((value) => value ?? 0));
      const from = times[0];
      const span = Math.max(1, times.at(-1) - from);
      rows.forEach((row, at) =>
        lines[at].setAttribute(
          "points",
          row
            .map((value, i) =>
              value === null ? "" : `${(240 * (times[i] - from)) / span},${98 - (94 * value) / most}`,
            )
            .join(" "),
        ),
      );
    },
    destroy: () => svg.remove(),
  };
}

/**
 * `series`: [[name, custom property of its colour]]. push() takes a time in seconds, and a value or null for each. A
 * `hidden` chart appears with its first point.
 */
export function createChart(title, series, { unit = "", hidden = false } = {}) {
  const data = [[], ...series.map(() => [])];
  const values = series.map(() => element("strong", { class: "figures" }, "–"));
  const legend = element(
    "p",
    { class: "legend" },
    series.map(([name, property], at) =>
      element(
        "span",
        { class: property.slice(2) },
        series.length > 1 && `${text(`series_${name}`)} `,
        values[at],
        unit && ` ${unit}`,
      ),
    ),
  );
  const host = element("div", { class: "plot", "aria-hidden": "true" });
  const root = element(
    "figure",
    { class: "chart", hidden },
    element("figcaption", {}, element("h2", {}, title), legend),
    host,
  );
  let drawn = null;

  function build() {
    drawn?.destroy();
    drawn = null;
    host.replaceChildren();
    if (data[0].length === 0) return;
    drawn = Plot ? new Plot(plotOptions(series, host.clientWidth), data, host) : createLines(host, series);
    drawn.setData(data);
  }

  const resize = Plot && new ResizeObserver(() => drawn?.setSize({ width: host.clientWidth, height }));
  resize?.observe(host);
  scheme.addEventListener("change", build);
  return {
    root,
    push(time, row) {
      if (time <= (data[0].at(-1) ?? 0)) return;
      root.hidden = false;
      [time, ...row].forEach((value, at) => data[at].push(value));
      if (data[0].length > kept) for (const column of data) column.shift();
      row.forEach((value, at) => setText(values[at], value === null ? "–" : number(Math.round(value * 10) / 10)));
      if (drawn === null) build();
      else drawn.setData(data);
    },
    destroy() {
      scheme.removeEventListener("change", build);
      resize?.disconnect();
      drawn?.destroy();
    },
  };
}
