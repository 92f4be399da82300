// Dead letters: records that the store refused, and that can be stored again after the reason is gone.

import { request } from "../common/api.js";
import { element } from "../common/dom.js";
import { access } from "./access.js";
import { button, failure, heading, notice, reasonOf, shortTime, table, tell, text } from "./ui.js";

const columns = [
  ["letter", ""],
  ["concerns", ""],
  ["reason", ""],
  ["deadAt", ""],
  ["actions", "right"],
];

export function showLetters(root) {
  const list = element("div", { "aria-busy": "true" });
  let letters = [];
  let cursor = null;

  async function retry(letter, event) {
    event.target.disabled = true;
    const answer = await request("POST", `v1/dead-letters/${encodeURIComponent(letter.id)}/retry`);
    if (answer.status !== 200) {
      event.target.disabled = false;
      return tell(text("notStored", { reason: reasonOf(answer) }), "bad");
    }
    letters = letters.filter((one) => one !== letter);
    tell(text("stored"));
    draw();
  }

  const row = (letter) => [
    [
      text(`letter_${letter.type}`),
      element("span", { class: "soft small" }, `${letter.partition} · ${letter.journal_seq}`),
    ],
    [letter.coupon_id, letter.user_id, letter.sequence && `#${letter.sequence}`].filter(Boolean).join(" · ") || "–",
    element("span", { class: "small" }, letter.reason),
    shortTime(letter.dead_at),
    access.may("retry") ? button(text("retry"), (event) => retry(letter, event), { small: true }) : "–",
  ];

  function draw() {
    list.setAttribute("aria-busy", "false");
    list.replaceChildren(
      letters.length === 0
        ? notice("good", text("noLetters"), text("noLettersText"))
        : table(text("view_letters"), columns, letters.map(row)),
      cursor === null ? "" : button(text("more"), read),
    );
  }

  async function read() {
    const answer = await request(
      "GET",
      `v1/dead-letters?${new URLSearchParams({ limit: 100, ...(cursor && { cursor }) })}`,
    );
    if (answer.status !== 200) return list.replaceChildren(failure(answer));
    letters = [...letters, ...answer.body.dead_letters];
    cursor = answer.body.next_cursor;
    draw();
  }

  root.append(
    heading(
      text("view_letters"),
      button(text("refresh"), () => {
        letters = [];
        cursor = null;
        read();
      }),
    ),
    element("p", { class: "soft" }, text("lettersText")),
    list,
  );
  read();
}
