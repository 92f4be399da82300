// Follows a coupon: by server-sent events, or by asking again and again where they do not get through.

import { address, isTrouble, pause, request } from "../common/api.js";

const soon = 1500; // between two questions while the coupon is open, in milliseconds
const rarely = 10000;

export function createWatch(id, { onCoupon, onMissing, onTime, isUrgent }) {
  let source = null;
  let timer = 0;
  let running = false;
  let tries = 0;
  const path = `v1/coupons/${encodeURIComponent(id)}`;

  async function poll() {
    const answer = await request("GET", path);
    if (!running) return;
    tries = isTrouble(answer) ? tries + 1 : 0;
    if (answer.status === 200) onCoupon(answer.body);
    else if (answer.status === 404 || answer.status === 400) onMissing();
    const next = isTrouble(answer) ? pause(answer, tries) : (isUrgent() ? soon : rarely) * (1 + Math.random() / 2);
    timer = setTimeout(poll, next);
  }

  function listen() {
    source = new EventSource(address(`${path}/live`));
    source.addEventListener("coupon", (event) => {
      const told = JSON.parse(event.data);
      onTime(Date.parse(told.now));
      onCoupon(told);
    });
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      source = null;
      timer = setTimeout(poll, soon * Math.random());
    };
  }

  return {
    start() {
      if (running) return;
      running = true;
      listen();
    },
    stop() {
      running = false;
      source?.close();
      source = null;
      clearTimeout(timer);
    },
  };
}
