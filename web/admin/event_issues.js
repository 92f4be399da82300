// The issues of an event, a page at a time: sellers, who may not look at users, find them here.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { drawIssues } from "./issues.js";
import { button, failure, text } from "./ui.js";

export function createIssues(id) {
  const rows = element("div", { class: "stack" });
  const more = button(text("showIssues"), read);
  const issues = [];
  let cursor = "";

  async function read() {
    const query = new URLSearchParams({ limit: 50, ...(cursor && { cursor }) });
    const answer = await request("GET", `v1/coupons/${encodeURIComponent(id)}/issues?${query}`);
    if (answer.status !== 200) return rows.replaceChildren(failure(answer));
    issues.push(...answer.body.issues);
    cursor = answer.body.next_cursor;
    drawIssues(rows, issues, "user", answer.body.as_of);
    more.textContent = text("more");
    more.hidden = cursor === null;
  }

  return element(
    "section",
    { class: "stack", "aria-labelledby": "issues-title" },
    element("h2", { id: "issues-title" }, text("wallet")),
    rows,
    element("div", {}, more),
  );
}
