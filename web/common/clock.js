// The server's time. A time that the server has told lies in the past when it arrives, so the estimate is never ahead of
// the server: what opens at a time is never early here.

const jump = 5000; // a time this far behind the estimate says that the server's clock was set back

export function createClock(monotonic = () => performance.now()) {
  let offset = null;
  return {
    /** `told`: milliseconds since 1970. */
    learn(told) {
      const learned = told - monotonic();
      if (offset === null || learned > offset || learned < offset - jump) offset = learned;
    },
    /** Milliseconds since 1970; null before anything was learned. */
    now: () => (offset === null ? null : offset + monotonic()),
  };
}
