// The list of coupons, with search and filters.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import { button, failure, heading, notice, number, pill, repeat, shortTime, table, text } from "./ui.js";

const states = ["open", "scheduled", "paused", "sold_out", "ended", "archived"];
const columns = [
  ["title", ""],
  ["state", ""],
  ["left", "right"],
  ["issued", "right"],
  ["starts", ""],
  ["owner", ""],
];
const pagesMax = 25; // of 200 coupons: more than a person searches through

let filters = { search: "", state: "", owner: "" }; // they stay while another view is shown

async function readAll() {
  const coupons = [];
  let cursor = "";
  for (let page = 0; page < pagesMax && cursor !== null; page++) {
    const query = new URLSearchParams({
      limit: 200,
      ...(cursor && { cursor }),
      ...(filters.state && { state: filters.state }),
      ...(filters.owner && { owner: filters.owner }),
    });
    const answer = await request("GET", `v1/coupons?${query}`);
    if (answer.status !== 200) return { failed: answer, coupons };
    coupons.push(...answer.body.coupons);
    cursor = answer.body.next_cursor;
  }
  return { coupons, more: cursor !== null };
}

const row = (coupon) => [
  [
    element("a", { href: `#/events/${encodeURIComponent(coupon.id)}` }, coupon.title),
    element("span", { class: "soft small" }, coupon.id),
  ],
  pill(coupon.state),
  coupon.quantity === null
    ? text("unlimited")
    : text("ofQuantity", { left: number(coupon.remaining), quantity: number(coupon.quantity) }),
  number(coupon.issued),
  shortTime(coupon.starts_at),
  coupon.owner ?? "–",
];

export function showEvents(root) {
  const list = element("div", { "aria-busy": "true" });
  const search = element("input", {
    class: "input",
    type: "search",
    id: "search",
    value: filters.search,
    autocomplete: "off",
    spellcheck: "false",
  });
  const state = element(
    "select",
    { class: "input", id: "state" },
    element("option", { value: "" }, text("allStates")),
    states.map((one) => element("option", { value: one, selected: one === filters.state }, text(`state_${one}`))),
  );
  const owner = element("input", {
    class: "input",
    id: "owner",
    value: filters.owner,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "64",
  });
  let known = null;

  function draw() {
    const words = filters.search.toLowerCase();
    const found = known.coupons.filter(({ id, title }) => `${id}\n${title}`.toLowerCase().includes(words));
    list.setAttribute("aria-busy", "false");
    const about = known.failed ? failure(known.failed) : found.length === 0 ? notice("", text("noEvents")) : null;
    list.replaceChildren(
      ...[
        about,
        found.length > 0 && table(text("view_events"), columns, found.map(row)),
        known.more && element("p", { class: "soft" }, text("moreEvents")),
      ].filter(Boolean),
    );
  }

  async function read() {
    if (list.contains(document.activeElement)) return; // a link that has the focus keeps it
    const asked = { ...filters };
    const answer = await readAll();
    if (asked.state !== filters.state || asked.owner !== filters.owner) return;
    known = answer;
    draw();
  }

  search.addEventListener("input", () => {
    filters.search = search.value.trim();
    if (known !== null) draw();
  });
  for (const [name, input] of [
    ["state", state],
    ["owner", owner],
  ])
    input.addEventListener("change", () => {
      filters = { ...filters, [name]: input.value.trim() };
      read();
    });

  const create =
    access.may("create") && button(text("createEvent"), () => (location.hash = "#/events/new"), { primary: true });
  root.append(
    heading(text("view_events"), create),
    element(
      "div",
      { class: "filters", role: "search" },
      [
        ["search", search],
        ["state", state],
        ["owner", owner],
      ].map(([name, input]) =>
        element("div", { class: "field" }, element("label", { for: input.id }, text(`filter_${name}`)), input),
      ),
    ),
    list,
  );
  return repeat(read, 5);
}
