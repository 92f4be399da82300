// What a coupon is worth. coupond never reads `benefit`; a page knows an amount of a currency, and a percentage. Other
// members are shown as they are.

function amount({ currency, amount: value }, language) {
  try {
    return new Intl.NumberFormat(language.code, {
      style: "currency",
      currency,
      maximumFractionDigits: value % 1 === 0 ? 0 : 2,
    }).format(value);
  } catch {
    return null; // no currency that the browser knows
  }
}

/** {headline: text | null, terms: [[name, text]]} */
export function describe(benefit, language) {
  if (benefit === null || benefit === undefined) return { headline: null, terms: [] };
  const rest = { ...benefit };
  let headline = null;
  if (typeof benefit.currency === "string" && typeof benefit.amount === "number") headline = amount(benefit, language);
  if (headline !== null) {
    delete rest.currency;
    delete rest.amount;
  } else if (typeof benefit.percent === "number") {
    headline = new Intl.NumberFormat(language.code, { style: "percent", maximumFractionDigits: 2 }).format(
      benefit.percent / 100,
    );
    delete rest.percent;
  }
  const terms = Object.entries(rest)
    .filter(([, value]) => value !== null && typeof value !== "object")
    .map(([name, value]) => [
      name.replaceAll("_", " "),
      typeof value === "number" ? language.number(value) : String(value),
    ]);
  return { headline, terms };
}
