// The page of one event. It asks who looks at it and what they hold, follows the coupon, counts down by the server's time,
// and asks for the coupon when the button is pressed.

import { listeners, request } from "../common/api.js";
import { createClock } from "../common/clock.js";
import { byId, setText, show } from "../common/dom.js";
import { createLanguage } from "../common/language.js";
import { session } from "../common/session.js";
import { meaning } from "./answers.js";
import { milestone } from "./countdown.js";
import { issuePath, pending, untilAnswered } from "./issue.js";
import { couponPhase, phaseOf, untilStart } from "./phase.js";
import { texts } from "./texts.js";
import { draw, drawCountdown } from "./view.js";
import { createWatch } from "./watch.js";

const nameKey = "coupond.name";
const namePattern = /^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}$/;
const refusalHolds = 3000; // a sold-out answer is newer than what a cache says about the stock, in milliseconds

const id = decodeURIComponent(location.pathname.split("/").pop());
const language = createLanguage(texts);
const clock = createClock();
const tabs = "BroadcastChannel" in window ? new BroadcastChannel(`coupond.${id}`) : null;
const known = {
  coupon: null,
  missing: false,
  user: null,
  nameless: false,
  signIn: false,
  ready: false,
  asking: false,
  trouble: false,
  issue: null,
  fresh: false,
  refusal: null,
  refusedAt: 0,
  detail: null,
  copied: false,
};
let left = null; // milliseconds until the start when they were last looked at
let timer = 0;

const phase = () => phaseOf(known, clock.now());

/* --- showing --- */

function tick() {
  clearTimeout(timer);
  const now = clock.now();
  const shown = phase();
  if (known.coupon === null) return;
  const remains = untilStart(known.coupon, now);
  drawCountdown(remains, shown);
  if (left !== null && remains !== null && shown === "scheduled") {
    const reached = milestone(left, remains);
    if (reached !== null) setText(byId("told"), language.text(`told_${reached}`));
  }
  if (left > 0 && remains === 0 && shown === "open") setText(byId("told"), language.text("told_open"));
  left = remains;
  if (byId("event").dataset.phase !== shown) draw(known, shown, language);
  if (remains !== null && remains > 0) timer = setTimeout(tick, remains % 1000 || 1000);
  else if (known.coupon.ends_at !== null) timer = setTimeout(tick, 1000);
}

function redraw() {
  draw(known, phase(), language);
  tick();
}

function onTrouble(trouble) {
  known.trouble = trouble;
  redraw();
}

/* --- the coupon --- */

async function readCoupon() {
  const answer = await untilAnswered("GET", `v1/coupons/${encodeURIComponent(id)}`, onTrouble);
  if (answer.status === 200) onCoupon(answer.body);
  else onMissing();
}

function onMissing() {
  known.missing = true;
  watch.stop();
  redraw();
}

/** A refusal ends when the coupon is open again, or closed in another way. */
function outlivesRefusal(coupon) {
  if (known.refusal === null || ["not_eligible", "refused"].includes(known.refusal)) return false;
  return performance.now() - known.refusedAt > refusalHolds || couponPhase(coupon, clock.now()) === known.refusal;
}

function onCoupon(told) {
  const changed =
    known.coupon === null ? !("title" in told) : told.version !== known.coupon.version && !("title" in told);
  if (known.coupon === null && changed) return; // its title is on the way
  known.coupon = { ...known.coupon, ...told };
  if (outlivesRefusal(known.coupon)) known.refusal = null;
  if (changed) readCoupon();
  redraw();
}

const watch = createWatch(id, {
  onCoupon,
  onMissing,
  onTime: (now) => clock.learn(now, true),
  isUrgent: () => known.coupon !== null && (phase() === "open" || untilStart(known.coupon, clock.now()) < 30000),
});

/* --- who asks, and what they hold --- */

/** After a 401: true if the site has left another token than the one that was refused. */
function renewToken() {
  const refused = session.token;
  session.forget();
  session.read({ linked: true });
  return session.token !== null && session.token !== refused;
}

async function whoAsks() {
  const answer = await untilAnswered("GET", "v1/me", onTrouble);
  if (answer.status === 401) {
    if (renewToken()) return whoAsks();
    known.signIn = true;
  } else if (answer.status === 200 && answer.body.identity) {
    known.user = answer.body.roles.includes("user") ? answer.body.id : null; // an API key is no buyer
    known.signIn = known.user === null;
  } else {
    // nobody checks who asks: a name will do
    known.nameless = true;
    byId("name").value = rememberedName();
    known.user = namePattern.test(byId("name").value) ? byId("name").value : null;
  }
}

function rememberedName() {
  try {
    return localStorage.getItem(nameKey) ?? "";
  } catch {
    return "";
  }
}

function onIssue(issue, fresh) {
  known.issue = issue;
  known.fresh = fresh;
  known.refusal = null;
  pending.clear(id);
  if (issue.state === "issued") watch.stop(); // the stock no longer matters
  redraw();
}

/** What the user already holds. */
async function lookUp() {
  if (known.user === null) return;
  const answer = await untilAnswered("GET", issuePath(id, known.user), onTrouble);
  if (answer.status === 200 && !known.asking) onIssue(answer.body, known.fresh);
}

/* --- asking --- */

function onAnswer(answer) {
  const { phase: refusal, issue, detail, startsAt } = meaning(answer);
  if (issue !== undefined) {
    onIssue(issue, refusal === "issued");
    tabs?.postMessage("issued");
    return;
  }
  pending.clear(id);
  known.detail = detail;
  known.refusedAt = performance.now();
  if (refusal === "sign_in") known.signIn = true;
  else if (refusal === "missing") known.missing = true;
  else if (refusal === "scheduled") {
    known.coupon.starts_at = startsAt;
    clock.correct(Date.parse(startsAt) - Math.max(1, answer.retryAfter) * 1000);
    setText(byId("told"), language.text("early"));
  } else known.refusal = refusal;
}

async function ask() {
  if (known.asking || known.issue !== null || known.user === null) return;
  known.asking = true;
  pending.note(id, known.user);
  redraw();
  let answer = await untilAnswered("PUT", issuePath(id, known.user), onTrouble);
  if (answer.status === 401 && renewToken()) answer = await untilAnswered("PUT", issuePath(id, known.user), onTrouble);
  known.asking = false;
  onAnswer(answer);
  redraw();
}

function takeName() {
  const name = byId("name").value.trim();
  const valid = namePattern.test(name);
  setText(byId("name-fault"), valid ? "" : language.text("nameFault"));
  show(byId("name-fault"), !valid);
  byId("name").setAttribute("aria-invalid", String(!valid));
  if (!valid) {
    byId("name").focus();
    return false;
  }
  known.user = name;
  try {
    localStorage.setItem(nameKey, name);
  } catch {
    // for this page alone
  }
  return true;
}

byId("action").addEventListener("submit", (event) => {
  event.preventDefault();
  if (phase() === "open" && known.ready && (!known.nameless || takeName())) ask();
});

/* --- the code --- */

async function copy() {
  try {
    await navigator.clipboard.writeText(known.issue.code);
  } catch {
    // not allowed, or not a secure origin: the reader copies the selection
    getSelection().selectAllChildren(byId("code"));
    if (!document.execCommand("copy")) return;
  }
  known.copied = true;
  setText(byId("copy-text"), language.text("copied"));
  setText(byId("told"), language.text("copied"));
  setTimeout(() => {
    known.copied = false;
    redraw();
  }, 2500);
}

byId("copy").addEventListener("click", copy);

/* --- life --- */

/** A page that was in the background looks again: another tab may have asked, the site may have renewed the cookie. */
async function wake() {
  if (document.visibilityState !== "visible" || !known.ready) return;
  if (session.read({ linked: true }) && known.signIn) {
    known.signIn = false;
    await whoAsks();
  }
  tick();
  if (known.issue === null) lookUp();
}

async function start() {
  session.read({ linked: true });
  language.onChange = redraw;
  listeners.onDate = (date) => clock.learn(date);
  language.set(language.code);
  watch.start();
  await Promise.all([readCoupon(), whoAsks().then(lookUp)]);
  known.ready = true;
  redraw();
  document.addEventListener("visibilitychange", wake);
  addEventListener("hashchange", () => session.read({ linked: true }) && location.reload()); // a link with another token
  tabs?.addEventListener("message", lookUp);
  if (known.issue === null && known.user !== null && pending.is(id, known.user)) ask();
}

start();
