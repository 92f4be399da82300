// Korean or English: what ?lang= says, else what was chosen before, else the first of the browser's languages that there is.

const key = "coupond.language";
const known = ["en", "ko"];

function remembered() {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden
  }
}

function preferred() {
  const wanted = [new URLSearchParams(location.search).get("lang"), remembered(), ...navigator.languages];
  return wanted.map((one) => (one ?? "").slice(0, 2).toLowerCase()).find((one) => known.includes(one)) ?? "en";
}

/** `texts` has an object of texts for each language. {name} in a text stands for values.name. */
export function createLanguage(texts) {
  const language = {
    code: preferred(),
    onChange: () => {},
    text(name, values = {}) {
      const text = texts[language.code][name] ?? texts.en[name] ?? name;
      return text.replace(/\{(\w+)\}/g, (whole, value) => values[value] ?? whole);
    },
    has: (name) => name in texts.en,
    number: (value) => new Intl.NumberFormat(language.code).format(value),
    /** A date in the reader's own time zone, which it names. */
    time: (value, style = { dateStyle: "full", timeStyle: "short" }) =>
      new Intl.DateTimeFormat(language.code, style).format(new Date(value)),
    zone: () =>
      new Intl.DateTimeFormat(language.code, { timeZoneName: "short" })
        .formatToParts()
        .find((part) => part.type === "timeZoneName").value,
    /** Fills every element that names its text, and the labels that only screen readers have. */
    fill(root) {
      for (const one of root.querySelectorAll("[data-text]")) one.textContent = language.text(one.dataset.text);
      for (const one of root.querySelectorAll("[data-label]"))
        one.setAttribute("aria-label", language.text(one.dataset.label));
      for (const one of root.querySelectorAll("[data-language]"))
        one.setAttribute("aria-pressed", String(one.dataset.language === language.code));
    },
    set(code) {
      language.code = code;
      document.documentElement.lang = code;
      language.fill(document);
      language.onChange();
    },
  };
  for (const button of document.querySelectorAll("[data-language]"))
    button.addEventListener("click", () => {
      try {
        localStorage.setItem(key, button.dataset.language);
      } catch {
        // for this page alone
      }
      language.set(button.dataset.language);
    });
  return language;
}
