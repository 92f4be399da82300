// The bounds of a coupon's fields, as in api/openapi.yaml. Pure: each check takes the text of a field and returns the name
// of what is wrong with it, or null.

const bytes = (text) => new TextEncoder().encode(text).length;
const isName = (text, most) => new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,${most}}$`).test(text);
const isId = (text) => /^(?!\.{1,2}$)[A-Za-z0-9._:@-]{1,64}$/.test(text);
const isWhole = (text, least, most) => /^[0-9]{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most;

const optional = (check) => (text) => (text === "" ? null : check(text));
const object = (most) => (text) => {
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "fault_object";
    return bytes(JSON.stringify(value)) <= most ? null : "fault_long";
  } catch {
    return "fault_object";
  }
};

export const checks = {
  id: optional((text) => (isName(text, 32) ? null : "fault_id")),
  title: (text) => (text === "" ? "fault_required" : bytes(text) <= 512 ? null : "fault_long"),
  description: (text) => (bytes(text) <= 2048 ? null : "fault_long"),
  quantity: optional((text) => (isWhole(text, 1, 4000000000) ? null : "fault_quantity")),
  per_user_limit: (text) => (isWhole(text, 1, 1000) ? null : "fault_limit"),
  starts_at: optional((text) => (Number.isNaN(Date.parse(text)) ? "fault_time" : null)),
  ends_at: optional((text) => (Number.isNaN(Date.parse(text)) ? "fault_time" : null)),
  redeem_until: optional((text) => (Number.isNaN(Date.parse(text)) ? "fault_time" : null)),
  redeem_within: optional((text) =>
    /^[0-9]{1,5}(\.[0-9]+)?$/.test(text) && text > 0 && text <= 36500 ? null : "fault_days",
  ),
  owner: optional((text) => (isId(text) ? null : "fault_user")),
  segments: optional((text) =>
    segmentsOf(text).every(isId) && bytes(JSON.stringify(segmentsOf(text))) <= 512 ? null : "fault_segments",
  ),
  benefit: optional(object(1024)),
  metadata: optional(object(4096)),
};

export const isUserId = isId;
export const isReference = (text) => /^[!-~]{1,64}$/.test(text);
export const isReason = (text) => bytes(text) <= 200;
/** A code, or null: people write its letters small, with gaps, and O for 0. */
export function codeOf(text) {
  const code = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return /^[0-9A-HJKMNP-TV-Z]{12}$/.test(code) ? code : null;
}

export function segmentsOf(text) {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);
}

/** What is wrong with fields together: {field: name of a text}. */
export function checkTogether(values) {
  const faults = {};
  if (values.starts_at && values.ends_at && Date.parse(values.ends_at) <= Date.parse(values.starts_at))
    faults.ends_at = "fault_order";
  if (values.redeem_until && values.redeem_within) faults.redeem_within = "fault_both";
  return faults;
}

/* --- between the API and the form: texts of inputs --- */

const pad = (value) => String(value).padStart(2, "0");

/** For an input of the type datetime-local, in the operator's own time zone. */
export function localTime(time) {
  if (!time) return "";
  const at = new Date(time);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

const timeOf = (text) => (text === "" ? null : new Date(text).toISOString());
const objectOf = (text) => (text === "" ? null : JSON.parse(text));

/** The texts of a form for a coupon. */
export const textsOf = (coupon) => ({
  id: coupon.id,
  title: coupon.title,
  description: coupon.description ?? "",
  quantity: coupon.quantity === null ? "" : String(coupon.quantity),
  per_user_limit: String(coupon.per_user_limit),
  starts_at: localTime(coupon.starts_at),
  ends_at: localTime(coupon.ends_at),
  redeem_until: localTime(coupon.redeem_until),
  redeem_within: coupon.redeem_within_s === null ? "" : String(coupon.redeem_within_s / 86400),
  owner: coupon.owner ?? "",
  segments: (coupon.segments ?? []).join(", "),
  benefit: coupon.benefit === null ? "" : JSON.stringify(coupon.benefit),
  metadata: coupon.metadata === null ? "" : JSON.stringify(coupon.metadata),
});

const members = {
  id: ["id", (text) => text || undefined],
  title: ["title", (text) => text],
  description: ["description", (text) => text || null],
  quantity: ["quantity", (text) => (text === "" ? null : Number(text))],
  per_user_limit: ["per_user_limit", Number],
  starts_at: ["starts_at", timeOf],
  ends_at: ["ends_at", timeOf],
  redeem_until: ["redeem_until", timeOf],
  redeem_within: ["redeem_within_s", (text) => (text === "" ? null : Math.round(text * 86400))],
  owner: ["owner", (text) => text || null],
  segments: ["segments", (text) => (text === "" ? null : segmentsOf(text))],
  benefit: ["benefit", objectOf],
  metadata: ["metadata", objectOf],
};

/** The body of a request: of a change (with the texts before it) only what differs. */
export function bodyOf(values, before = null) {
  const body = {};
  for (const [name, [member, read]] of Object.entries(members))
    if (name in values && (before === null || values[name] !== before[name])) body[member] = read(values[name]);
  return body;
}

/** The field that shows a member's error. */
export const fieldOf = (member) =>
  Object.keys(members).find((name) => members[name][0] === member.split(/[.[]/)[0]) ?? "";
