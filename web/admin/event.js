// One event: its stock, rate and outcomes as they are now, what operators do about it, and who changed what.

import { address, request } from "../common/api.js";
import { element, setText } from "../common/dom.js";
import { access } from "./access.js";
import { createChart } from "./chart.js";
import { ask, faultsOf } from "./dialog.js";
import { checks } from "./fields.js";
import { createIssues } from "./event_issues.js";
import { drawHistory } from "./history.js";
import { createMeter } from "./meter.js";
import { button, failure, field, heading, number, pill, reasonOf, repeat, shortTime, tell, text, ui } from "./ui.js";

const path = (id) => `v1/coupons/${encodeURIComponent(id)}`;

/* --- changes --- */

/** Changes the coupon as it is known here. Resolves to null, or to what was wrong. */
async function change(known, body, done) {
  const answer = await request("PATCH", path(known.coupon.id), { body, headers: { "If-Match": known.etag } });
  if (answer.status !== 200) {
    await known.read();
    return answer.status === 412 ? { "": text("changedMeanwhile") } : faultsOf(answer, reasonOf);
  }
  await known.read();
  tell(done);
  return null;
}

async function pause(known, paused) {
  const faults = await change(known, { paused }, text(paused ? "isPaused" : "isResumed"));
  if (faults !== null) tell(Object.values(faults).join(" "), "bad");
}

function raise(known) {
  const input = element("input", { inputmode: "numeric", value: String(known.coupon.quantity), autocomplete: "off" });
  return ask({
    title: text("moreStock"),
    about: text("moreStockText", { issued: number(known.coupon.issued - known.coupon.returned) }),
    action: text("saveEvent"),
    fields: [field("quantity", input)],
    async submit({ quantity }) {
      const fault = quantity === "" ? "fault_quantity" : checks.quantity(quantity);
      return fault === null ? change(known, { quantity: Number(quantity) }, text("saved")) : { quantity: text(fault) };
    },
  });
}

const archive = (known) =>
  ask({
    title: text("archive"),
    about: text("archiveText"),
    action: text("archive"),
    danger: true,
    submit: () => change(known, { archived: true }, text("saved")),
  });

/** The buttons for what may be done now. */
function actionsFor(known) {
  const { coupon } = known;
  const open = element(
    "a",
    { class: "button", href: address(`events/${encodeURIComponent(coupon.id)}`), target: "_blank", rel: "noopener" },
    text("openPage"),
  );
  if (!access.may("change")) return [open];
  const archived = coupon.state === "archived";
  return [
    open,
    element("a", { class: "button", href: `#/events/${encodeURIComponent(coupon.id)}/change` }, text("change")),
    !archived && coupon.quantity !== null && button(text("moreStock"), () => raise(known)),
    archived && button(text("unarchive"), () => change(known, { archived: false }, text("saved"))),
    ["ended", "sold_out"].includes(coupon.state) && button(text("archive"), () => archive(known)),
    access.may("rehearse") &&
      element("a", { class: "button", href: `#/rehearsal/${encodeURIComponent(coupon.id)}` }, text("rehearse")),
    coupon.state === "paused"
      ? button(text("resume"), () => pause(known, false), { primary: true })
      : !archived && coupon.state !== "ended" && button(text("pause"), () => pause(known, true), { danger: true }),
  ].filter(Boolean);
}

/* --- figures --- */

const tiles = ["left", "issued", "rate", "redeemed", "sellOut"];

/** Seconds as people say them. */
function duration(seconds) {
  if (seconds < 90) return text("seconds", { n: number(Math.round(seconds)) });
  if (seconds < 5400) return text("minutes", { n: number(Math.round(seconds / 60)) });
  return text("hours", { n: number(Math.round(seconds / 3600)) });
}

function sellOut({ quantity, remaining, state }, rate) {
  if (quantity === null) return text("never");
  if (remaining === 0) return text("now");
  return state === "open" && rate > 0 ? duration(remaining / rate) : "–";
}

function createFigures() {
  const values = Object.fromEntries(tiles.map((name) => [name, element("dd", { class: "figures" }, "–")]));
  return {
    root: element(
      "dl",
      { class: "tiles" },
      tiles.map((name) => element("div", {}, element("dt", {}, text(`tile_${name}`)), values[name])),
    ),
    draw(coupon, rate) {
      setText(
        values.left,
        coupon.quantity === null
          ? text("unlimited")
          : text("ofQuantity", { left: number(coupon.remaining), quantity: number(coupon.quantity) }),
      );
      setText(values.issued, number(coupon.issued));
      setText(values.rate, text("perSecond", { n: number(Math.round(rate * 10) / 10) }));
      setText(values.redeemed, number(coupon.redeemed));
      setText(values.sellOut, sellOut(coupon, rate));
    },
  };
}

const terms = (coupon) =>
  element(
    "dl",
    { class: "terms" },
    [
      ["starts", shortTime(coupon.starts_at)],
      ["ends", shortTime(coupon.ends_at)],
      ["limit", number(coupon.per_user_limit)],
      ["owner", coupon.owner ?? "–"],
      ["segments", coupon.segments?.join(", ") ?? text("everyone")],
      ["id", coupon.id],
    ].map(([name, value]) => element("div", {}, element("dt", {}, text(`term_${name}`)), element("dd", {}, value))),
  );

/* --- the view --- */

/** Follows the coupon by server-sent events, or by asking where they do not get through. */
function follow(id, { onLive, onCoupon }) {
  let stop = null;
  const source = new EventSource(address(`${path(id)}/live`));
  source.addEventListener("coupon", (event) => onLive(JSON.parse(event.data)));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) stop ??= repeat(onCoupon, 1.5);
  };
  return () => {
    source.close();
    stop?.();
  };
}

export function showEvent(root, id) {
  const head = element("div", { class: "head" });
  const figures = createFigures();
  const history = element("section", { "aria-labelledby": "history-title" });
  const stock = createChart(text("chart_stock"), [["left", "--accent"]]);
  const rate = createChart(text("chart_rate"), [["rate", "--accent"]], { unit: text("unit_rate") });
  const outcomes = createChart(
    text("chart_outcomes"),
    [
      ["issued", "--good"],
      ["already_issued", "--accent"],
      ["sold_out", "--warn"],
      ["other", "--soft"],
    ],
    { unit: text("unit_rate"), hidden: true },
  );
  const latency = createChart(
    text("chart_latency"),
    [
      ["p50", "--accent"],
      ["p99", "--warn"],
    ],
    { unit: "ms", hidden: true },
  );
  const charts = [stock, rate, outcomes, latency];
  const meter = createMeter();
  const known = { coupon: null, etag: null, read };
  let shownVersion = null;
  let ended = false;
  let later = 0;

  /** Once now, and once when the store has the change. */
  function followHistory() {
    drawHistory(history, id);
    clearTimeout(later);
    later = setTimeout(() => drawHistory(history, id), 2000);
  }

  function draw() {
    const { coupon } = known;
    const key = JSON.stringify([coupon.version, coupon.state]);
    if (key !== shownVersion) {
      shownVersion = key;
      head.replaceChildren(
        heading(coupon.title, ...actionsFor(known)),
        element("p", {}, pill(coupon.state)),
        terms(coupon),
      );
      if (access.may("history")) followHistory();
    }
    figures.draw(coupon, meter.rate);
  }

  function onLive(told) {
    const now = Date.parse(told.now);
    ui.clock.learn(now, true);
    onState(told, now);
  }

  function onState(told, now) {
    if (ended) return;
    const changed = known.coupon !== null && told.version !== known.coupon.version;
    known.coupon = { ...known.coupon, ...told };
    meter.learn(told, now);
    if (changed) read();
    else if (known.etag !== null) draw();
  }

  async function read() {
    const answer = await request("GET", path(id), { headers: { "Cache-Control": "no-cache" } });
    if (ended) return;
    if (answer.status !== 200) {
      if (known.coupon === null) head.replaceChildren(failure(answer));
      return;
    }
    known.etag = answer.etag;
    known.coupon = answer.body;
    onState(answer.body, ui.clock.now() ?? Date.now());
  }

  /** Once a second, since an event whose state stays the same is not told again. */
  function plot() {
    const at = (ui.clock.now() ?? Date.now()) / 1000;
    if (known.coupon.remaining !== null) stock.push(at, [known.coupon.remaining]);
    rate.push(at, [meter.rate]);
  }

  async function readStatus() {
    const answer = await request("GET", "v1/status");
    if (ended || answer.status !== 200) return;
    const seen = meter.learnStatus(answer.body);
    if (seen === null) return;
    const at = Date.parse(answer.body.now) / 1000;
    outcomes.push(at, seen.outcomes);
    latency.push(at, seen.latency);
  }

  root.append(
    head,
    figures.root,
    element(
      "div",
      { class: "charts" },
      charts.map((chart) => chart.root),
    ),
    element("p", { class: "soft small" }, text("chartsNote")),
    ...(access.may("issues") ? [createIssues(id)] : []),
    history,
  );
  const stops = [];
  read().then(() => {
    if (ended || known.coupon === null) return;
    stops.push(follow(id, { onLive, onCoupon: read }));
    stops.push(repeat(plot, 1));
    if (access.may("system")) stops.push(repeat(readStatus, 2));
  });
  return () => {
    ended = true;
    clearTimeout(later);
    for (const stop of [...stops, ...charts.map((chart) => chart.destroy)]) stop();
  };
}
