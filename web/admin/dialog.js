// Asks before something is changed.

import { byId, element } from "../common/dom.js";
import { button, setFault, text } from "./ui.js";

/**
 * Opens a dialog and resolves to true after `submit` has, or to false when it was cancelled. `fields` are those of
 * ui.js; `submit` resolves to null when it is done, or to what was wrong: {field: reason}, or {"": reason} in general.
 */
export function ask({ title, about, fields = [], action, danger = false, submit }) {
  const dialog = byId("dialog");
  const general = element("p", { class: "fault", id: "dialog-fault", role: "alert", hidden: true });
  const confirm = button(action, null, { primary: !danger, danger, type: "submit" });
  return new Promise((resolve) => {
    let done = false;
    const form = element(
      "form",
      {
        novalidate: true,
        submit: async (event) => {
          event.preventDefault();
          confirm.disabled = true;
          const faults = await submit(
            Object.fromEntries(
              fields.map(({ input }) => [input.name, input.type === "checkbox" ? input.checked : input.value.trim()]),
            ),
          );
          confirm.disabled = false;
          for (const { input } of fields) setFault(input, faults?.[input.name]);
          const named = new Set(fields.map(({ input }) => input.name));
          const rest = Object.entries(faults ?? {})
            .filter(([name]) => !named.has(name))
            .map(([, reason]) => reason)
            .join(" ");
          general.textContent = rest;
          general.hidden = rest === "";
          fields.find(({ input }) => faults?.[input.name])?.input.focus();
          done = faults === null;
          if (done) dialog.close();
        },
      },
      element("h2", { id: "dialog-title" }, title),
      about && element("p", { class: "soft" }, about),
      fields.map(({ root }) => root),
      general,
      element(
        "div",
        { class: "actions" },
        button(text("cancel"), () => dialog.close()),
        confirm,
      ),
    );
    dialog.replaceChildren(form);
    dialog.addEventListener("close", () => resolve(done), { once: true });
    dialog.showModal();
  });
}

/** The faults of an answer, for ask(): those of fields by name, others in general. */
export function faultsOf(answer, reasonOf) {
  const listed = (answer.body?.errors ?? []).map(({ field, reason }) => [field, reason]);
  return listed.length > 0 ? Object.fromEntries(listed) : { "": reasonOf(answer) };
}
