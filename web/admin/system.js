// The members of the system, how far the store follows, and whether the promises are kept.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import {
  button,
  failure,
  heading,
  notice,
  number,
  pill,
  reasonOf,
  repeat,
  shortTime,
  table,
  tell,
  text,
  ui,
} from "./ui.js";

const partitionColumns = [
  ["partition", ""],
  ["state", ""],
  ["journal", "right"],
  ["storedUpTo", "right"],
  ["lag", "right"],
];
const promiseColumns = [
  ["promise", ""],
  ["state", ""],
  ["detail", ""],
];

const tile = (name, value) =>
  element("div", {}, element("dt", {}, text(`tile_${name}`)), element("dd", { class: "figures" }, value));
const seconds = (value) =>
  value === null || value === undefined ? "–" : text("seconds", { n: number(Math.round(value * 10) / 10) });
const lagOf = ({ journal_seq: journal, stored_seq: stored }) =>
  stored === null || stored === undefined ? "–" : number(Math.max(0, journal - stored));

function drawStatus(root, status) {
  const { gateway = {}, store = {}, partitions = [] } = status;
  root.replaceChildren(
    element(
      "dl",
      { class: "tiles" },
      tile("version", status.version),
      tile("store", text(store.available ? "available" : "away")),
      tile("lag", seconds(store.lag_s)),
      tile("connections", number(gateway.connections)),
      tile("inFlight", number(gateway.in_flight)),
      tile("watchers", number(gateway.watchers)),
    ),
    table(
      text("partitions"),
      partitionColumns,
      partitions.map((one) => [
        String(one.partition),
        pill(one.up ? "up" : "down", one.up ? "good" : "bad"),
        number(one.journal_seq),
        number(one.stored_seq),
        lagOf(one),
      ]),
    ),
  );
}

const named = (promise) => (ui.language.has(`promise_${promise}`) ? text(`promise_${promise}`) : promise);

function drawVerification(root, run) {
  const verdict = {
    none: ["", text("verify_none")],
    running: ["accent", text("verify_running", { progress: run.progress ?? "" })],
    failed: ["bad", text("verify_failed", { error: run.error ?? "" })],
    done: run.kept ? ["good", text("verify_kept")] : ["bad", text("verify_broken")],
  }[run.state] ?? ["", run.state];
  const counts =
    run.state === "done" &&
    text("verify_counts", {
      issues: number(run.issues),
      store: number(run.in_store),
      lag: number(run.lag),
      letters: number(run.dead_letters),
      time: shortTime(run.ended_at),
    });
  root.replaceChildren(
    notice(verdict[0], verdict[1], counts || null),
    run.promises?.length > 0
      ? table(
          text("promises"),
          promiseColumns,
          run.promises.map(({ name, kept, detail }) => [
            named(name),
            pill(kept ? "kept" : "broken", kept ? "good" : "bad"),
            detail ?? "–",
          ]),
        )
      : "",
  );
}

export function showSystem(root) {
  const status = element("div", { class: "stack", "aria-busy": "true" });
  const verification = element("div", { class: "stack" });
  const start = button(
    text("verifyNow"),
    async () => {
      start.disabled = true;
      const answer = await request("POST", "v1/verification");
      if (answer.status === 202) drawVerification(verification, answer.body);
      else tell(reasonOf(answer), "bad");
    },
    { hidden: !access.may("verify") },
  );

  async function readStatus() {
    const answer = await request("GET", "v1/status");
    status.setAttribute("aria-busy", "false");
    if (answer.status === 200) drawStatus(status, answer.body);
    else status.replaceChildren(failure(answer));
  }

  async function readVerification() {
    const answer = await request("GET", "v1/verification");
    start.disabled = answer.status !== 200 || answer.body.state === "running";
    if (answer.status === 200) drawVerification(verification, answer.body);
    else verification.replaceChildren(failure(answer));
  }

  root.append(
    heading(text("view_system")),
    status,
    element(
      "section",
      { class: "stack", "aria-labelledby": "promises-title" },
      element("div", { class: "heading" }, element("h2", { id: "promises-title" }, text("promises")), start),
      element("p", { class: "soft" }, text("promisesText")),
      verification,
    ),
  );
  const stops = [repeat(readStatus, 2), repeat(readVerification, 2)];
  return () => stops.forEach((stop) => stop());
}
