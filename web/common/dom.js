// Elements. Text goes in as text only, so that nothing a coupon or an answer contains can become markup.

/** Makes an element. Attributes that are null or false are left out, functions become listeners, null children too. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Replaces the text only if it differs, so that screen readers hear changes alone. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Shows or hides, without touching the layout of others. */
export function show(target, visible) {
  target.hidden = !visible;
}
