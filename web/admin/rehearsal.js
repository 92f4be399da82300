// A rehearsal: a crowd asks for a copy of a coupon, and a report says what the real event will meet.

import { request } from "../common/api.js";
import { byId, element, setText } from "../common/dom.js";
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
  when,
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

const usersUsual = 10000;
const inLine = 0.5; // of the wait: the crowd had too few connections

const named = (kind, name) =>
  ui.language.has(`${kind}_${name}`) ? text(`${kind}_${name}`) : name.replaceAll("_", " ").replaceAll(".", " · ");
const figureName = (name) =>
  name.startsWith("outcomes.") ? text("figure_outcome", { code: name.slice("outcomes.".length) }) : named("figure", name);

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

const inMilliseconds = (us) => text("milliseconds", { n: rounded(us / 1000) });

/** The process that uses most of its memory limit. */
const fullest = ({ members }) =>
  members
    .filter((one) => one.memory_limit)
    .sort((one, other) => other.memory_after / other.memory_limit - one.memory_after / one.memory_limit)[0];

// What each finding says, by its name, from the figures of the report.
const findings = {
  answers: ({ unanswered, requests }) =>
    unanswered === 0
      ? text("finding_answers_all")
      : text("finding_answers", { n: number(unanswered), requests: number(requests) }),
  wait: (report) => text("finding_wait", { time: inMilliseconds(report.latency_us.p99) }),
  disk: (report) => text("finding_disk", { time: inMilliseconds(report.sync_us.p99) }),
  memory: (report) => {
    const { role, address, memory_after: used, memory_limit: limit } = fullest(report);
    return text("finding_memory", { role: named("member", role), address, n: rounded((100 * used) / limit) });
  },
  promises: ({ faults }) =>
    faults === 0 ? text("finding_promises_all") : text("finding_promises", { n: number(faults) }),
};

const adviceOf = (name, report) =>
  text(
    name === "wait" && report.delay_us.p99 > inLine * report.latency_us.p99 ? "advice_wait_in_line" : `advice_${name}`,
  );

const reasonsOf = (report) =>
  table(
    text("verdict"),
    reasonColumns,
    (report.reasons ?? []).map(({ name, verdict, reason, advice }) => [
      named("about", name),
      pill(verdict, tones[verdict] ?? "bad"),
      findings[name]?.(report) ?? reason,
      verdict === "good" ? "–" : name in findings ? adviceOf(name, report) : advice,
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
      figuresOf(report).map(([name, value]) => [figureName(name), rounded(value)]),
    ),
  ),
];

/** How far it is; how long it has run before the crowd asks. */
function progressOf(run) {
  const [, answered, requests] = /^([\d,]+) of ([\d,]+) requests answered/.exec(run.progress ?? "") ?? [];
  if (answered !== undefined) return text("rehearsal_progress", { answered, requests });
  return text("rehearsal_since", { time: when(run.started_at) });
}

/** The code of an error that the command names, in words; else its own message. */
function errorOf(run) {
  const code = run.error?.match(/[a-z]+(_[a-z]+)+/g)?.find((one) => ui.language.has(`error_${one}`));
  return code === undefined ? text("rehearsal_error", { error: run.error ?? "" }) : text(`error_${code}`);
}

const detailOf = (run) =>
  run.state === "running" ? progressOf(run) : run.state === "failed" ? errorOf(run) : null;

function drawRun(root, run) {
  const state = named("rehearsal", run.state);
  root.replaceChildren(
    notice(states[run.state] ?? "", `${state} ${run.coupon_id ?? ""}`, detailOf(run)),
    ...(run.report ? drawReport(run.report) : []),
  );
}

export function showRehearsal(root, coupon) {
  const what = field(
    "coupon_id",
    element("input", { value: coupon ?? "", autocomplete: "off", spellcheck: "false", maxlength: "32" }),
  );
  const crowd = field("users", element("input", { value: String(usersUsual), inputmode: "numeric" }), {
    help: text("help_users"),
  });
  let usersMax = null; // unknown before the first answer
  const general = element("p", { class: "fault", role: "alert", hidden: true });
  const latest = element("div", { class: "stack" });
  const start = button(text("rehearse"), null, { primary: true, type: "submit" });

  const usersFault = () =>
    usersMax === null ? text("fault_number") : text("fault_users", { max: number(usersMax) });

  /** The form as the gateway's limit allows it. */
  function learnLimit(max) {
    if (max === usersMax) return;
    usersMax = max;
    if (max > 0 && crowd.input.value === String(usersUsual)) crowd.input.value = String(Math.min(usersUsual, max));
    setText(byId("field-users-help"), max > 0 ? text("help_users_max", { max: number(max) }) : text("rehearsal_off"));
  }

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
    if (!/^[1-9][0-9]{0,7}$/.test(users) || Number(users) > (usersMax || Infinity)) faults.users = usersFault();
    showFaults(faults, "");
    if (Object.keys(faults).length > 0) return;
    start.disabled = true;
    const answer = await request("POST", "v1/rehearsals", {
      body: { coupon_id: what.input.value.trim(), users: Number(users) },
    });
    if (answer.status === 202) return read();
    start.disabled = false;
    if (answer.status === 403) return showFaults({}, usersMax === 0 ? text("rehearsal_off") : reasonOf(answer));
    if (answer.code === "coupon_not_found") return showFaults({ coupon_id: reasonOf(answer) }, "");
    const listed = new Set((answer.body?.errors ?? []).map((one) => one.field));
    const known = { coupon_id: text("fault_id"), users: usersFault() };
    const beside = Object.fromEntries(Object.entries(known).filter(([name]) => listed.has(name)));
    showFaults(beside, Object.keys(beside).length > 0 ? "" : reasonOf(answer));
  }

  async function read() {
    const answer = await request("GET", "v1/rehearsals/latest");
    if (answer.status === 200) learnLimit(answer.body.users_max);
    start.disabled = usersMax === 0 || (answer.status === 200 && answer.body.state === "running");
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
