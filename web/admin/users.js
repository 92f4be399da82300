// What a user holds, or whose a code is; redeem, undo, revoke.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import { ask, faultsOf } from "./dialog.js";
import { codeOf, isReason, isReference, isUserId } from "./fields.js";
import {
  button,
  failure,
  field,
  heading,
  notice,
  pill,
  reasonOf,
  setFault,
  shortTime,
  table,
  tell,
  text,
} from "./ui.js";

const columns = [
  ["event", ""],
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

function drawIssues(root, issues, asOf) {
  const redraw = (at) => (issue) => {
    issues[at] = issue;
    tell(text(`done_${issue.state}`));
    drawIssues(root, issues, asOf);
  };
  const row = (issue, at) => [
    [
      element("a", { href: `#/events/${encodeURIComponent(issue.coupon_id)}` }, issue.title ?? issue.coupon_id),
      element("span", { class: "soft small" }, `${issue.coupon_id} · ${issue.sequence}`),
    ],
    element("code", {}, issue.code ?? "–"),
    [pill(issue.state), detail(issue) && element("span", { class: "soft small" }, detail(issue))],
    shortTime(issue.issued_at),
    shortTime(issue.redeemable_until),
    actionsFor(issue, redraw(at)),
  ];
  root.replaceChildren(
    issues.length === 0 ? notice("", text("holdsNothing")) : table(text("wallet"), columns, issues.map(row)),
    asOf === undefined
      ? ""
      : element(
          "p",
          { class: "soft small" },
          asOf === null ? text("asOfUnknown") : text("asOf", { time: shortTime(asOf) }),
        ),
  );
}

async function readUser(root, user) {
  const issues = [];
  let asOf;
  let cursor = "";
  do {
    const answer = await request(
      "GET",
      `v1/users/${encodeURIComponent(user)}/issues?${new URLSearchParams({ limit: 200, ...(cursor && { cursor }) })}`,
    );
    if (answer.status !== 200) return root.replaceChildren(failure(answer));
    issues.push(...answer.body.issues);
    asOf ??= answer.body.as_of;
    cursor = answer.body.next_cursor;
  } while (cursor !== null && issues.length < 1000);
  drawIssues(root, issues, asOf ?? null);
}

async function readCode(root, code) {
  const answer = await request("GET", `v1/codes/${code}`);
  if (answer.status !== 200)
    return root.replaceChildren(answer.status === 404 ? notice("warn", text("noSuchCode")) : failure(answer));
  const rows = element("div", {});
  root.replaceChildren(
    element(
      "p",
      {},
      element(
        "a",
        { href: `#/users/${encodeURIComponent(answer.body.user_id)}` },
        text("allOf", { user: answer.body.user_id }),
      ),
    ),
    rows,
  );
  drawIssues(rows, [answer.body]);
}

export function showUsers(root, wanted) {
  const input = textInput({ type: "search", value: wanted ?? "" });
  const who = field("who", input, { help: text("help_who") });
  const found = element("div", { "aria-live": "off" });
  const submit = (event) => {
    event.preventDefault();
    const value = input.value.trim();
    const valid = isUserId(value) || codeOf(value) !== null;
    setFault(input, valid ? null : text("fault_who"));
    if (!valid) return input.focus();
    if (`#/users/${encodeURIComponent(value)}` === location.hash) look(value);
    else location.hash = `#/users/${encodeURIComponent(value)}`;
  };
  const look = (value) => {
    const code = codeOf(value);
    return code !== null && access.may("code") ? readCode(found, code) : readUser(found, value);
  };
  root.append(
    heading(text("view_users")),
    element(
      "form",
      { class: "lookup", role: "search", novalidate: true, submit },
      who.root,
      button(text("lookUp"), null, { primary: true, type: "submit" }),
    ),
    found,
  );
  if (wanted === undefined) input.focus({ preventScroll: true });
  else look(wanted);
}
