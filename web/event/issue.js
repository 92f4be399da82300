// Asks until there is a final answer. The form is idempotent: asked twice, by a double tap, a reload or another tab, it
// tells the same issue.

import { isTrouble, pause, request } from "../common/api.js";

/** Waits, or until the browser is online again. */
function wait(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });
}

/** Repeats a request while there is trouble. `onTrouble(true)` when it begins, `onTrouble(false)` when it is over. */
export async function untilAnswered(method, path, onTrouble) {
  for (let tries = 0; ; tries++) {
    const answer = await request(method, path);
    if (!isTrouble(answer)) {
      if (tries > 0) onTrouble(false);
      return answer;
    }
    onTrouble(true);
    await wait(pause(answer, tries));
  }
}

export const issuePath = (coupon, user) =>
  `v1/coupons/${encodeURIComponent(coupon)}/issues/${encodeURIComponent(user)}`;

/** What was asked for and not answered, so that a reload goes on with it. Forgotten after two minutes. */
export const pending = {
  key: (coupon) => `coupond.pending.${coupon}`,
  note(coupon, user) {
    try {
      sessionStorage.setItem(pending.key(coupon), JSON.stringify({ user, at: Date.now() }));
    } catch {
      // storage is forbidden: after a reload, the buyer presses again
    }
  },
  clear(coupon) {
    try {
      sessionStorage.removeItem(pending.key(coupon));
    } catch {
      // as above
    }
  },
  is(coupon, user) {
    try {
      const noted = JSON.parse(sessionStorage.getItem(pending.key(coupon)));
      return noted?.user === user && Date.now() - noted.at < 120000;
    } catch {
      return false;
    }
  },
};
