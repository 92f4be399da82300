// Writes what is known into the page. Everything is text.

import { byId, element, setText, show } from "../common/dom.js";
import { describe } from "./benefit.js";
import { parts } from "./countdown.js";

const tones = {
  scheduled: "accent",
  open: "good",
  asking: "good",
  issued: "good",
  redeemed: "",
  expired: "",
  paused: "warn",
  sold_out: "",
  ended: "",
  revoked: "bad",
  not_eligible: "warn",
  sign_in: "warn",
  missing: "bad",
  refused: "bad",
};
const whenStyle = { month: "long", day: "numeric", weekday: "short", hour: "numeric", minute: "2-digit" };
const held = new Set(["issued", "redeemed", "expired"]);
const spoken = new Set(["sold_out", "ended", "paused", "not_eligible", "sign_in", "missing", "refused", "revoked"]);
const actionable = new Set(["scheduled", "open", "asking"]);

/** Groups of four with a gap but no space between them, so that a selection has the code itself. */
const groupsOf = (code) => code.match(/.{1,4}/g).map((group) => element("span", {}, group));

function drawAbout(coupon, language) {
  setText(byId("title"), coupon.title);
  document.title = coupon.title;
  setText(byId("description"), coupon.description ?? "");
  show(byId("description"), Boolean(coupon.description));
  const { headline, terms } = describe(coupon.benefit, language);
  setText(byId("benefit"), headline ?? "");
  show(byId("benefit"), headline !== null);
  byId("terms").replaceChildren(
    ...terms.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))),
  );
  show(byId("terms"), terms.length > 0);
}

function drawStock(coupon, phase, language) {
  const visible = actionable.has(phase) || phase === "paused";
  show(byId("stock"), visible);
  if (!visible) return;
  const bounded = coupon.quantity !== null;
  setText(
    byId("left"),
    bounded ? language.text("left", { left: language.number(coupon.remaining) }) : language.text("unlimited"),
  );
  setText(byId("of"), bounded ? language.text("of", { quantity: language.number(coupon.quantity) }) : "");
  byId("gauge").setAttribute("width", bounded ? (100 * coupon.remaining) / coupon.quantity : 100);
}

function drawTicket(known, phase, language) {
  const { issue } = known;
  show(byId("ticket"), held.has(phase));
  if (!held.has(phase)) return;
  const fresh = phase === "issued" && !known.fresh ? "heldTitle" : `${phase}Title`;
  setText(byId("holding"), language.text(fresh));
  const code = issue.code ?? null;
  if (code !== null && byId("code").textContent !== code) byId("code").replaceChildren(...groupsOf(code));
  for (const id of ["code", "code-name", "copy"]) show(byId(id), code !== null);
  if (!known.copied) setText(byId("copy-text"), language.text("copy"));
  const until = issue.redeemable_until;
  const time = until && language.time(until, { dateStyle: "long", timeStyle: "short" });
  setText(
    byId("until"),
    until ? language.text("until", { time, zone: language.zone(until) }) : language.text("forever"),
  );
}

function drawAnswer(known, phase, language) {
  const name = known.trouble ? "trouble" : phase;
  const visible = known.trouble || spoken.has(phase);
  show(byId("answer"), visible);
  byId("answer").dataset.tone = known.trouble ? "warn" : (tones[phase] ?? "");
  setText(byId("answer-title"), visible ? language.text(`${name}Title`) : "");
  setText(byId("answer-text"), visible ? language.text(`${name}Text`, { detail: known.detail ?? "" }) : "");
}

function drawAction(known, phase, language) {
  show(byId("action"), actionable.has(phase));
  show(byId("who"), known.nameless);
  const button = byId("take");
  button.disabled = phase !== "open" || !known.ready;
  button.dataset.busy = String(phase === "asking");
  setText(button, language.text({ asking: "asking", scheduled: "soon" }[phase] ?? "take"));
}

/** What a screen reader hears once: the answer, or the trouble. */
function announce(known, phase, language) {
  if (known.trouble) setText(byId("told"), `${language.text("troubleTitle")}. ${language.text("troubleText")}`);
  else if (held.has(phase))
    setText(byId("told"), `${byId("holding").textContent}. ${language.text("code")}: ${byId("code").textContent}`);
  else if (spoken.has(phase))
    setText(byId("told"), `${language.text(`${phase}Title`)}. ${byId("answer-text").textContent}`);
}

export function drawCountdown(left, phase) {
  const visible = phase === "scheduled" && left !== null && left > 0;
  byId("countdown").dataset.counting = String(visible);
  if (!visible) return;
  const shown = parts(left);
  for (const [name, text] of Object.entries(shown)) setText(byId(name), text);
  show(byId("days").parentElement, shown.days !== "0");
}

/** Draws everything but the countdown's figures. */
export function draw(known, phase, language) {
  const { coupon } = known;
  byId("event").dataset.phase = phase;
  byId("event").setAttribute("aria-busy", String(phase === "loading" || phase === "asking"));
  const state = byId("state");
  setText(state, language.text(`${phase === "refused" ? "open" : phase}State`));
  state.dataset.tone = tones[phase] ?? "";
  show(state, phase !== "loading");
  if (coupon !== null) {
    drawAbout(coupon, language);
    drawStock(coupon, phase, language);
    show(byId("countdown"), phase === "scheduled" && coupon.starts_at !== null);
    setText(
      byId("opens"),
      coupon.starts_at === null ? "" : language.text("opens", { time: language.time(coupon.starts_at, whenStyle) }),
    );
  } else {
    show(byId("stock"), false);
    show(byId("countdown"), false);
    setText(byId("title"), phase === "missing" ? "" : "\u00a0");
  }
  show(byId("title"), phase !== "missing");
  drawTicket(known, phase, language);
  drawAnswer(known, phase, language);
  drawAction(known, phase, language);
  announce(known, phase, language);
}
