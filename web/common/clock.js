// The server's time. A time that the server has told lies in the past when it arrives, so the estimate is never ahead of
// the server: what opens at a time is never early here.

const jump = 5000; // a time this far behind the estimate says that the server's clock was set back

export function createClock(monotonic = () => performance.now()) {
  let offset = null;
  let deciding = false; // the issuer's time is known, which decides; the clock of the gateway may be another machine's
  return {
    /** `told`: milliseconds since 1970, by the issuer if `decides`. */
    learn(told, decides = false) {
      const learned = told - monotonic();
      if (deciding && !decides) return;
      if (offset === null || learned > offset || learned < offset - jump || decides !== deciding) offset = learned;
      deciding = decides;
    },
    /** The estimate was ahead: it is not later than `told`. */
    correct(told) {
      offset = Math.min(offset ?? Infinity, told - monotonic());
      deciding = true;
    },
    /** Milliseconds since 1970; null before anything was learned. */
    now: () => (offset === null ? null : offset + monotonic()),
  };
}
