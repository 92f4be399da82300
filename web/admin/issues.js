// A table of issues, and what operators do with one: redeem, undo, revoke.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import { ask, faultsOf } from "./dialog.js";
import { isReason, isReference } from "./fields.js";
import { button, field, notice, pill, reasonOf, shortTime, table, tell, text } from "./ui.js";

const columns = [
  ["code", ""],
  ["state", ""],
  ["issuedAt", ""],
  ["until", ""],
  ["actions", "right"],
];

const pathOf = (issue) =>
  `v1/coupons/${encodeURIComponent(issue.coupon_id)}/issues/${encodeURIComponent(issue.user_id)}`;
const textInput = (attributes) => element("input", { autocomplete: "off", spellcheck: "false", ...attributes });
const check = (name, label) => {
  const input = element("input", { type: "checkbox", id: `field-${name}`, name });
  return {
    input,
    root: element(
      "div",
      {},
      element("label", { class: "check" }, input, label),
      element("p", { class: "fault", id: `field-${name}-fault`, hidden: true }),
    ),
  };
};

/** Sends a change. Resolves to null after `done` was given the issue as it is now, or to the faults. */
async function change(method, path, body, issue, done) {
  const answer = await request(method, path, { body });
  if (answer.status !== 200 && answer.status !== 201) return faultsOf(answer, reasonOf);
  done({ ...issue, redemption: undefined, revocation: undefined, ...answer.body });
  return null;
}

function redeem(issue, done) {
  return ask({
    title: text("redeem"),
    about: text("redeemText", { user: issue.user_id }),
    action: text("redeem"),
    fields: [field("reference", textInput({ maxlength: "64" }), { help: text("help_reference") })],
    submit: ({ reference }) =>
      isReference(reference)
        ? change("PUT", `${pathOf(issue)}/redemption`, { reference, sequence: issue.sequence }, issue, done)
        : { reference: text("fault_reference") },
  });
}

function undo(issue, done) {
  return ask({
    title: text("undo"),
    about: text("undoText"),
    action: text("undo"),
    fields: [
      field("reference", textInput({ maxlength: "64", value: issue.redemption?.reference ?? "" }), {
        help: text("help_undo"),
      }),
    ],
    submit: ({ reference }) =>
      isReference(reference)
        ? change(
            "DELETE",
            `${pathOf(issue)}/redemption?${new URLSearchParams({ reference, sequence: issue.sequence })}`,
            undefined,
            issue,
            done,
          )
        : { reference: text("fault_reference") },
  });
}

function revoke(issue, done) {
  return ask({
    title: text("revoke"),
    about: text("revokeText", { user: issue.user_id }),
    action: text("revoke"),
    danger: true,
    fields: [
      field("reason", textInput({ maxlength: "200" })),
      check("restock", text("restock")),
      check("again", text("again")),
    ],
    submit({ reason, restock, again }) {
      if (reason === "") return { reason: text("fault_required") };
      if (!isReason(reason)) return { reason: text("fault_long") };
      const query = new URLSearchParams({ reason, sequence: issue.sequence, restock, again });
      return change("DELETE", `${pathOf(issue)}?${query}`, undefined, issue, done);
    },
  });
}

function actionsFor(issue, done) {
  const is = (...states) => states.includes(issue.state);
  return element(
    "div",
    { class: "actions" },
    is("issued") && access.may("redeem") && button(text("redeem"), () => redeem(issue, done), { small: true }),
    is("redeemed") && access.may("undo") && button(text("undo"), () => undo(issue, done), { small: true }),
    is("issued", "expired") &&
      access.may("revoke") &&
      button(text("revoke"), () => revoke(issue, done), { small: true, danger: true }),
  );
}

const detail = (issue) => issue.redemption?.reference ?? issue.revocation?.reason ?? null;

const small = (what) => element("span", { class: "soft small" }, what);

/** What an issue is known by: of a user the event, of an event the user. */
const firstCells = {
  event: (issue) => [
    element("a", { href: `#/events/${encodeURIComponent(issue.coupon_id)}` }, issue.title ?? issue.coupon_id),
    small(`${issue.coupon_id} · ${issue.sequence}`),
  ],
  user: (issue) => [
    access.may("wallet")
      ? element("a", { href: `#/users/${encodeURIComponent(issue.user_id)}` }, issue.user_id)
      : issue.user_id,
    small(`#${issue.sequence}`),
  ],
};

/** Fills `root`. `first` is "event" or "user"; `asOf` how far the database was, undefined if the issuer answered. */
export function drawIssues(root, issues, first, asOf) {
  const redraw = (at) => (issue) => {
    issues[at] = issue;
    tell(text(`done_${issue.state}`));
    drawIssues(root, issues, first, asOf);
  };
  const row = (issue, at) => [
    firstCells[first](issue),
    element("code", {}, issue.code ?? "–"),
    [pill(issue.state), detail(issue) && small(detail(issue))],
    shortTime(issue.issued_at),
    shortTime(issue.redeemable_until),
    actionsFor(issue, redraw(at)),
  ];
  const known = asOf === null ? text("asOfUnknown") : text("asOf", { time: shortTime(asOf) });
  root.replaceChildren(
    issues.length === 0
      ? notice("", text(first === "event" ? "holdsNothing" : "nothingIssued"))
      : table(text("wallet"), [[first, ""], ...columns], issues.map(row)),
    asOf === undefined ? "" : element("p", { class: "soft small" }, known),
  );
}
