// What a user holds, or whose a code is.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import { codeOf, isUserId } from "./fields.js";
import { drawIssues } from "./issues.js";
import { button, failure, field, heading, notice, setFault, text } from "./ui.js";

/** `nothing` is what is said of a user who holds nothing. */
async function readUser(root, user, nothing = null) {
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
  if (issues.length === 0 && nothing !== null) root.replaceChildren(notice("warn", text(nothing)));
  else drawIssues(root, issues, "event", asOf ?? null);
}

async function readCode(root, code, wanted) {
  const answer = await request("GET", `v1/codes/${code}`);
  if (answer.status === 404) return readUser(root, wanted, "noSuchCode"); // a user's id may look like a code
  if (answer.status !== 200) return root.replaceChildren(failure(answer));
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
  drawIssues(rows, [answer.body], "event");
}

export function showUsers(root, wanted) {
  const input = element("input", {
    autocomplete: "off",
    spellcheck: "false",
    type: "search",
    value: wanted ?? "",
  });
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
    return code !== null && access.may("code") ? readCode(found, code, value) : readUser(found, value);
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
