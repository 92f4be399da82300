// What runs here, and the events that are open or will be.

import { request } from "../common/api.js";
import { byId, element, setText, show } from "../common/dom.js";
import { createLanguage } from "../common/language.js";
import { session } from "../common/session.js";
import { version } from "../common/version.js";
import { texts } from "./texts.js";

const language = createLanguage(texts);
let answers = null;

function when(coupon) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  if (coupon.state === "scheduled") return language.text("opens", { time: language.time(coupon.starts_at, style) });
  return coupon.ends_at === null ? "" : language.text("until", { time: language.time(coupon.ends_at, style) });
}

function stock({ quantity, remaining }) {
  if (quantity === null) return language.text("unlimited");
  return language.text("left", { left: language.number(remaining), quantity: language.number(quantity) });
}

const row = (coupon) =>
  element(
    "li",
    {},
    element("a", { href: `events/${encodeURIComponent(coupon.id)}` }, coupon.title),
    element(
      "span",
      { class: "pill", "data-tone": coupon.state === "open" ? "good" : "accent" },
      language.text(coupon.state),
    ),
    element("span", { class: "soft figures" }, [stock(coupon), when(coupon)].filter(Boolean).join(" · ")),
  );

function draw() {
  setText(byId("version"), version);
  if (answers === null) return;
  const coupons = answers.flatMap((answer) => answer.body?.coupons ?? []);
  const failed = answers.find((answer) => answer.status !== 200);
  const reason = failed === undefined ? "none" : failed.status === 401 || failed.status === 403 ? "denied" : "trouble";
  byId("list").replaceChildren(...coupons.map(row));
  setText(byId("none"), language.text(reason));
  show(byId("none"), coupons.length === 0);
  byId("events").setAttribute("aria-busy", "false");
}

session.read();
language.onChange = draw;
language.set(language.code);
answers = await Promise.all(["open", "scheduled"].map((state) => request("GET", `v1/coupons?state=${state}&limit=20`)));
draw();
