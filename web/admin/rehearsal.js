// A rehearsal: a crowd asks for a copy of a coupon, and a report says what the real event will meet.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import {
  button,
  failure,
  field,
  heading,
  notice,
  number,
  pill,
  reasonOf,
  repeat,
  setFault,
  table,
  text,
  ui,
} from "./ui.js";

const reasonColumns = [
  ["about", ""],
  ["state", ""],
  ["finding", ""],
  ["advice", ""],
];
const figureColumns = [
  ["figure", ""],
  ["value", "right"],
];
const tones = { good: "good", tight: "warn", not_enough: "bad" };
const states = { running: "accent", failed: "bad" };

const named = (kind, name) =>
  ui.language.has(`${kind}_${name}`) ? text(`${kind}_${name}`) : name.replaceAll("_", " ").replaceAll(".", " · ");

/** Every number of a report, those inside of others with a dot. */
function figuresOf(report, prefix = "") {
  return Object.entries(report).flatMap(([name, value]) => {
    if (typeof value === "number") return [[prefix + name, value]];
    return value === null || Array.isArray(value) || typeof value !== "object"
      ? []
      : figuresOf(value, `${prefix}${name}.`);
  });
}

const tile = (name, value) =>
  element("div", {}, element("dt", {}, text(`tile_${name}`)), element("dd", { class: "figures" }, value));
const rounded = (value) => number(Math.round(value * 100) / 100);
const inSeconds = (value) => (value === null || value === undefined ? "–" : text("seconds", { n: rounded(value) }));

const tilesOf = (report) =>
  element(
    "dl",
    { class: "tiles" },
    tile("answers", text("perSecond", { n: number(Math.round(report.answered_rate ?? 0)) })),
    tile("p50", text("milliseconds", { n: rounded((report.latency_us?.p50 ?? 0) / 1000) })),
    tile("p99", text("milliseconds", { n: rounded((report.latency_us?.p99 ?? 0) / 1000) })),
    tile("issued", number(report.issued)),
    tile("soldOutAfter", inSeconds(report.sold_out_s)),
  );

const reasonsOf = (report) =>
  table(
    text("verdict"),
    reasonColumns,
    (report.reasons ?? []).map(({ name, verdict, reason, advice }) => [
      named("about", name),
      pill(verdict, tones[verdict] ?? "bad"),
      reason,
      advice || "–",
    ]),
  );

/** What the rehearsal said, worst first in words, then in figures. */
const drawReport = (report) => [
  notice(tones[report.verdict] ?? "bad", text(`verdict_${report.verdict}`)),
  tilesOf(report),
  reasonsOf(report),
  element(
    "details",
    {},
    element("summary", {}, text("allFigures")),
    table(
      text("report"),
      figureColumns,
      figuresOf(report).map(([name, value]) => [named("figure", name), rounded(value)]),
    ),
  ),
];

function drawRun(root, run) {
  const state = named("rehearsal", run.state);
  root.replaceChildren(
    notice(states[run.state] ?? "", `${state} ${run.coupon_id ?? ""}`, run.error ?? run.progress),
    ...(run.report ? drawReport(run.report) : []),
  );
}

export function showRehearsal(root, coupon) {
  const what = field(
    "coupon_id",
    element("input", { value: coupon ?? "", autocomplete: "off", spellcheck: "false", maxlength: "32" }),
  );
  const crowd = field("users", element("input", { value: "10000", inputmode: "numeric" }), {
    help: text("help_users"),
  });
  const general = element("p", { class: "fault", role: "alert", hidden: true });
  const latest = element("div", { class: "stack" });
  const start = button(text("rehearse"), null, { primary: true, type: "submit" });

  function showFaults(faults, rest) {
    for (const { input } of [what, crowd]) setFault(input, faults[input.name]);
    general.textContent = rest;
    general.hidden = rest === "";
  }

  async function submit(event) {
    event.preventDefault();
    const users = crowd.input.value.trim();
    const faults = {};
    if (what.input.value.trim() === "") faults.coupon_id = text("fault_required");
    if (!/^[1-9][0-9]{0,7}$/.test(users)) faults.users = text("fault_users");
    showFaults(faults, "");
    if (Object.keys(faults).length > 0) return;
    start.disabled = true;
    const answer = await request("POST", "v1/rehearsals", {
      body: { coupon_id: what.input.value.trim(), users: Number(users) },
    });
    if (answer.status === 202) return read();
    start.disabled = false;
    if (answer.status === 403) return showFaults({}, answer.body?.detail ?? reasonOf(answer)); // an option forbids it
    const listed = Object.fromEntries((answer.body?.errors ?? []).map(({ field: name, reason }) => [name, reason]));
    showFaults(
      listed,
      what.input.name in listed || crowd.input.name in listed
        ? ""
        : Object.values(listed).join(" ") || reasonOf(answer),
    );
  }

  async function read() {
    const answer = await request("GET", "v1/rehearsals/latest");
    start.disabled = answer.status === 200 && answer.body.state === "running";
    if (answer.status === 200 && answer.body.state !== "none") drawRun(latest, answer.body);
    else if (answer.code === "not_found" || answer.status === 200)
      latest.replaceChildren(notice("", answer.status === 200 ? text("rehearsal_none") : reasonOf(answer)));
    else latest.replaceChildren(failure(answer));
  }

  root.append(
    heading(text("view_rehearsal")),
    element("p", { class: "soft" }, text("rehearsalText")),
    element(
      "form",
      { class: "sheet", novalidate: true, submit },
      element("fieldset", {}, element("legend", { class: "unseen" }, text("rehearse")), what.root, crowd.root),
      general,
      element("div", { class: "actions" }, start),
    ),
    latest,
  );
  return repeat(read, 2);
}
