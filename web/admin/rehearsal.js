// A rehearsal: a crowd asks for a copy of a coupon, and a report says what the real event will meet.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { button, failure, field, heading, notice, number, reasonOf, repeat, setFault, table, text, ui } from "./ui.js";

const columns = [
  ["figure", ""],
  ["value", "right"],
];
const verdictTones = {
  ready: "good",
  pass: "good",
  ok: "good",
  good: "good",
  warn: "warn",
  tight: "warn",
  caution: "warn",
};

/** Every figure of a report, those inside of others with a dot. */
function figuresOf(report, prefix = "") {
  return Object.entries(report ?? {}).flatMap(([name, value]) => {
    if (value === null || Array.isArray(value) || ["state", "verdict", "progress", "error"].includes(name)) return [];
    return typeof value === "object" ? figuresOf(value, `${prefix}${name}.`) : [[prefix + name, value]];
  });
}

const named = (name) =>
  ui.language.has(`figure_${name}`) ? text(`figure_${name}`) : name.replaceAll("_", " ").replaceAll(".", " · ");
const shown = (value) => (typeof value === "number" ? number(Math.round(value * 1000) / 1000) : String(value));

/** A verdict is a word, or an object with words. */
function drawVerdict(verdict) {
  if (verdict === null || verdict === undefined) return "";
  const word = typeof verdict === "string" ? verdict : (verdict.verdict ?? verdict.state ?? verdict.name ?? "");
  const details =
    typeof verdict === "string" ? [] : [verdict.detail, verdict.reason, ...(verdict.reasons ?? [])].filter(Boolean);
  return notice(
    verdictTones[word] ?? "bad",
    `${text("verdict")}: ${ui.language.has(`verdict_${word}`) ? text(`verdict_${word}`) : word}`,
    details.join(" ") || null,
  );
}

function drawRun(root, run) {
  const running = run.state === "running";
  const state = ui.language.has(`rehearsal_${run.state}`) ? text(`rehearsal_${run.state}`) : run.state;
  const figures = figuresOf(run.report ?? run);
  root.replaceChildren(
    notice(
      running ? "accent" : run.state === "failed" ? "bad" : "",
      state,
      run.error ?? (typeof run.progress === "string" ? run.progress : null),
    ),
    drawVerdict(run.verdict ?? run.report?.verdict),
    figures.length > 0
      ? table(
          text("report"),
          columns,
          figures.map(([name, value]) => [named(name), shown(value)]),
        )
      : "",
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
    if (!/^[1-9][0-9]{0,6}$/.test(users)) faults.users = text("fault_users");
    showFaults(faults, "");
    if (Object.keys(faults).length > 0) return;
    start.disabled = true;
    const answer = await request("POST", "v1/rehearsals", {
      body: { coupon_id: what.input.value.trim(), users: Number(users) },
    });
    if (answer.status === 202 || answer.status === 201) return read();
    start.disabled = false;
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
