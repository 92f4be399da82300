// Who changed what of a coupon: each version beside the one before it.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { failure, table, text, ui, when } from "./ui.js";

const columns = [
  ["time", ""],
  ["actor", ""],
  ["changes", ""],
];
const counted = new Set([
  "issued",
  "returned",
  "remaining",
  "redeemed",
  "state",
  "version",
  "created_at",
  "updated_at",
]);

const asText = (value) =>
  (value ?? null) === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);

/** What differs: lines of text. The first version has everything that it was created with. */
function differences(coupon, before) {
  return Object.keys(coupon)
    .filter(
      (name) =>
        !counted.has(name) &&
        asText(coupon[name]) !== asText(before?.[name]) &&
        !(before === null && (coupon[name] ?? null) === null),
    )
    .map((name) =>
      element(
        "div",
        {},
        element("span", { class: "soft" }, `${ui.language.has(`field_${name}`) ? text(`field_${name}`) : name}: `),
        before === null ? asText(coupon[name]) : `${asText(before[name])} → ${asText(coupon[name])}`,
      ),
    );
}

export async function drawHistory(root, id) {
  const answer = await request("GET", `v1/coupons/${encodeURIComponent(id)}/history?limit=50`);
  const title = element("h2", { id: "history-title" }, text("history"));
  if (answer.status !== 200) return root.replaceChildren(title, failure(answer));
  const changes = [...answer.body.changes].sort((one, other) => other.version - one.version);
  const rows = changes.map(({ changed_at: time, actor, coupon, request_id: request_ }, at) => [
    [when(time), request_ && element("span", { class: "soft small" }, request_)],
    actor ?? "–",
    element("div", { class: "differences" }, differences(coupon, changes[at + 1]?.coupon ?? null)),
  ]);
  root.replaceChildren(
    title,
    rows.length === 0 ? element("p", { class: "soft" }, text("noHistory")) : table(text("history"), columns, rows),
  );
}
