// Creates a coupon, or changes one, with what is wrong beside each field.

import { request } from "../common/api.js";
import { byId, element } from "../common/dom.js";
import { access } from "./access.js";
import { bodyOf, checkTogether, checks, fieldOf, textsOf } from "./fields.js";
import { button, failure, field, heading, notice, reasonOf, setFault, tell, text, ui } from "./ui.js";

const groups = [
  ["what", ["id", "title", "description", "benefit"]],
  ["stockAndWindow", ["quantity", "per_user_limit", "starts_at", "ends_at"]],
  ["redemption", ["redeem_within", "redeem_until"]],
  ["forWhom", ["owner", "segments", "metadata"]],
];
const helped = new Set(["id", "benefit", "quantity", "starts_at", "redeem_within", "owner", "segments", "metadata"]);
const inputs = {
  description: () => element("textarea", { rows: "3", maxlength: "2048" }),
  benefit: () => element("textarea", { rows: "2", spellcheck: "false" }),
  metadata: () => element("textarea", { rows: "2", spellcheck: "false" }),
  starts_at: () => element("input", { type: "datetime-local", step: "1" }),
  ends_at: () => element("input", { type: "datetime-local", step: "1" }),
  redeem_until: () => element("input", { type: "datetime-local", step: "1" }),
  quantity: () => element("input", { inputmode: "numeric" }),
  per_user_limit: () => element("input", { inputmode: "numeric" }),
  redeem_within: () => element("input", { inputmode: "decimal" }),
};
const empty = {
  id: "",
  title: "",
  description: "",
  benefit: "",
  quantity: "",
  per_user_limit: "1",
  starts_at: "",
  ends_at: "",
  redeem_until: "",
  redeem_within: "",
  owner: "",
  segments: "",
  metadata: "",
};

function makeFields(before, creates) {
  const fields = {};
  for (const [, names] of groups)
    for (const name of names) {
      if (name === "id" && !creates) continue;
      if (name === "owner" && access.identity && !access.roles.includes("admin")) continue; // it is theirs
      const made = field(name, inputs[name]?.() ?? element("input", { autocomplete: "off" }), {
        help: helped.has(name) ? text(`help_${name}`, { zone: ui.language.zone() }) : null,
      });
      made.input.value = before[name];
      made.input.addEventListener("focusout", ({ relatedTarget: next }) => {
        // Not on the way to a button: what appears would move it away from under the pointer.
        if (next?.matches(".input")) setFault(made.input, translate(checks[name](made.input.value.trim())));
      });
      fields[name] = made;
    }
  return fields;
}

const translate = (fault) => (fault ? text(fault) : null);

function faultsIn(values) {
  const faults = checkTogether(values);
  for (const [name, value] of Object.entries(values)) {
    const fault = checks[name](value);
    if (fault !== null) faults[name] = fault;
  }
  return faults;
}

function drawForm(root, coupon, etag) {
  const creates = coupon === null;
  const before = creates ? empty : textsOf(coupon);
  const fields = makeFields(before, creates);
  const paused = element("input", { type: "checkbox", id: "field-paused" });
  const general = element("p", { class: "fault", role: "alert", hidden: true });
  const save = button(text(creates ? "createEvent" : "saveEvent"), null, { primary: true, type: "submit" });
  const back = creates ? "#/events" : `#/events/${encodeURIComponent(coupon.id)}`;

  function showFaults(faults, rest = "") {
    for (const [name, { input }] of Object.entries(fields)) setFault(input, faults[name]);
    general.textContent = rest || (Object.keys(faults).length > 0 ? text("checkFields") : "");
    general.hidden = general.textContent === "";
    fields[Object.keys(fields).find((name) => faults[name])]?.input.focus();
  }

  function refuse(answer) {
    if (answer.code === "coupon_exists") return showFaults({ id: text("error_coupon_exists") });
    if (answer.status === 412) return showFaults({}, text("changedMeanwhile"));
    const faults = {};
    const rest = [];
    for (const { field: member, reason } of answer.body?.errors ?? []) {
      if (fields[fieldOf(member)]) faults[fieldOf(member)] = reason;
      else rest.push(`${member} ${reason}`);
    }
    showFaults(faults, rest.join(" ") || (Object.keys(faults).length > 0 ? "" : reasonOf(answer)));
  }

  async function submit(event) {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(fields).map(([name, { input }]) => [name, input.value.trim()]));
    const faults = faultsIn(values);
    if (Object.keys(faults).length > 0)
      return showFaults(Object.fromEntries(Object.entries(faults).map(([name, fault]) => [name, text(fault)])));
    const body = bodyOf(values, creates ? null : before);
    if (creates && paused.checked) body.paused = true;
    if (!creates && Object.keys(body).length === 0) return (location.hash = back);
    for (const name of creates ? Object.keys(body) : [])
      if (body[name] === null && name !== "quantity") delete body[name];
    save.disabled = true;
    const answer = creates
      ? await request("POST", "v1/coupons", { body })
      : await request("PATCH", `v1/coupons/${encodeURIComponent(coupon.id)}`, { body, headers: { "If-Match": etag } });
    save.disabled = false;
    if (answer.status !== 200 && answer.status !== 201) return refuse(answer);
    tell(text(creates ? "created" : "saved"));
    location.hash = `#/events/${encodeURIComponent(answer.body.id)}`;
  }

  root.replaceChildren(
    heading(creates ? text("createEvent") : text("changeEvent", { title: coupon.title })),
    element(
      "form",
      { class: "sheet", novalidate: true, submit },
      groups.map(([name, names]) =>
        element(
          "fieldset",
          {},
          element("legend", {}, text(`group_${name}`)),
          names.map((one) => fields[one]?.root),
        ),
      ),
      creates && element("label", { class: "check" }, paused, text("createPaused")),
      general,
      element("div", { class: "actions" }, save, element("a", { class: "button", href: back }, text("cancel"))),
    ),
  );
  byId(creates ? "field-title" : "field-quantity").focus({ preventScroll: true });
}

export function showForm(root, id) {
  if (!access.may(id === undefined ? "create" : "change")) root.append(notice("warn", text("notAllowed")));
  else if (id === undefined) drawForm(root, null, null);
  else
    request("GET", `v1/coupons/${encodeURIComponent(id)}`, { headers: { "Cache-Control": "no-cache" } }).then(
      (answer) => (answer.status === 200 ? drawForm(root, answer.body, answer.etag) : root.append(failure(answer))),
    );
}
