// The parts that views share.

import { byId, element } from "../common/dom.js";

export const ui = { language: null, clock: null };

export const text = (name, values) => ui.language.text(name, values);
export const number = (value) => (value === null || value === undefined ? "–" : ui.language.number(value));
export const when = (time) => (time ? ui.language.time(time, { dateStyle: "medium", timeStyle: "medium" }) : "–");
export const shortTime = (time) => (time ? ui.language.time(time, { dateStyle: "medium", timeStyle: "short" }) : "–");

const tones = {
  open: "good",
  scheduled: "accent",
  paused: "warn",
  sold_out: "",
  ended: "",
  archived: "",
  issued: "good",
  redeemed: "accent",
  expired: "",
  revoked: "bad",
};

export const pill = (state, tone = tones[state]) =>
  element("span", { class: "pill", "data-tone": tone ?? "" }, text(`state_${state}`));

export function button(
  label,
  onClick,
  { primary = false, danger = false, small = false, type = "button", ...rest } = {},
) {
  const style = ["button", primary && "primary", danger && "danger", small && "small"].filter(Boolean).join(" ");
  return element("button", { type, class: style, click: onClick, ...rest }, label);
}

export const heading = (title, ...actions) =>
  element("div", { class: "heading" }, element("h1", {}, title), element("div", { class: "actions" }, actions));

export const notice = (tone, title, detail) =>
  element(
    "div",
    { class: "notice", "data-tone": tone },
    element("p", {}, element("strong", {}, title)),
    detail && element("p", {}, detail),
  );

/** `columns`: [[name of the text, style]]; `rows`: arrays of cells. Cells bear their column's name on phones. */
export function table(caption, columns, rows) {
  const head = columns.map(([name, style]) => element("th", { scope: "col", class: style }, text(name)));
  const body = rows.map((cells) =>
    element(
      "tr",
      {},
      cells.map((cell, at) =>
        element("td", { class: columns[at][1], "data-head": text(columns[at][0]) }, element("div", {}, cell)),
      ),
    ),
  );
  return element(
    "div",
    { class: "table" },
    element(
      "table",
      {},
      element("caption", { class: "unseen" }, caption),
      element("thead", {}, element("tr", {}, head)),
      element("tbody", {}, body),
    ),
  );
}

/** A field: {root, input}. `help` is the name of a text. */
export function field(name, input, { label = text(`field_${name}`), help = null, id = `field-${name}` } = {}) {
  input.id = id;
  input.name = name;
  input.classList.add("input");
  const fault = element("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const helper = help && element("p", { class: "help", id: `${id}-help` }, help);
  input.setAttribute("aria-describedby", [help && `${id}-help`, `${id}-fault`].filter(Boolean).join(" "));
  return {
    input,
    root: element("div", { class: "field" }, element("label", { for: id }, label), input, helper, fault),
  };
}

/** Shows what is wrong beside a field, or that nothing is. */
export function setFault(input, reason) {
  const fault = byId(`${input.id}-fault`);
  input.setAttribute("aria-invalid", String(Boolean(reason)));
  fault.textContent = reason ?? "";
  fault.hidden = !reason;
}

let silence = 0;

/** A message that goes away by itself; a screen reader hears it. */
export function tell(message, tone = "good") {
  clearTimeout(silence);
  byId("told").replaceChildren(element("p", { "data-tone": tone }, message));
  silence = setTimeout(() => byId("told").replaceChildren(), 6000);
}

/** What a person needs to know about an answer that is no success. */
export function reasonOf(answer) {
  if (answer.status === 0) return text("unreachable");
  if (answer.status === 404 && answer.code === "not_found") return text("unavailable");
  const named = `error_${answer.code}`;
  if (ui.language.has(named)) return text(named);
  return answer.body?.detail ?? text("refused", { status: answer.status });
}

/** What a view shows instead of what could not be read. */
export const failure = (answer) => notice(answer.status === 404 ? "" : "bad", reasonOf(answer));

/** Repeats `work` while the page is visible, `seconds` after the last time it was done. Returns what ends it. */
export function repeat(work, seconds) {
  let timer = 0;
  let ended = false;
  const run = async () => {
    if (document.visibilityState === "visible") await work();
    if (!ended) timer = setTimeout(run, seconds * 1000);
  };
  run();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
