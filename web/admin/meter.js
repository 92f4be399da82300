// Rates and quantiles from what is told again and again. Pure.

const window = 10; // measurements that a rate is taken from

/** The upper bound of the bucket that has the quantile. `buckets`: [[bound in seconds, count up to it]], ascending. */
export function quantile(buckets, part) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  return buckets.find(([, count]) => count >= part * total)[0];
}

/** [[bound, count]] of the buckets of a status; the last has no bound. */
const bucketsOf = (latency) => (latency?.buckets ?? []).map(({ le, count }) => [le ?? Infinity, count]);

const shown = [["issued"], ["replayed", "already_issued"], ["sold_out"]];

export function createMeter() {
  const seen = []; // [milliseconds, issued]
  let told = false; // the gateway tells rates
  let before = null; // the status before
  const meter = {
    rate: 0, // issues per second
    learn(coupon, now) {
      told ||= "rate" in coupon;
      if (told) {
        meter.rate = coupon.rate ?? meter.rate;
        return;
      }
      seen.push([now, coupon.issued]);
      if (seen.length > window) seen.shift();
      const [[since, first]] = seen;
      meter.rate = now > since ? Math.max(0, ((coupon.issued - first) * 1000) / (now - since)) : 0;
    },
    /** {outcomes: per second, latency: [p50, p99] in milliseconds} since the status before; null for the first one. */
    learnStatus(status) {
      const now = {
        at: Date.parse(status.now),
        outcomes: status.gateway?.outcomes ?? {},
        buckets: bucketsOf(status.gateway?.latency_s),
      };
      const last = before;
      before = now;
      const total = (one) => one.buckets.at(-1)?.[1] ?? 0;
      if (last === null || now.at <= last.at || total(now) < total(last)) return null; // another gateway, or a new process
      const grown = (name) =>
        Math.max(0, ((now.outcomes[name] ?? 0) - (last.outcomes[name] ?? 0)) * 1000) / (now.at - last.at);
      const sum = (names) => names.reduce((total, name) => total + grown(name), 0);
      const others = Object.keys(now.outcomes).filter((name) => !shown.flat().includes(name));
      const buckets = now.buckets.map(([bound, count], at) => [bound, count - (last.buckets[at]?.[1] ?? 0)]);
      const milliseconds = (part) => {
        const bound = quantile(buckets, part);
        return bound === null || bound === Infinity ? null : bound * 1000;
      };
      return { outcomes: [...shown, others].map(sum), latency: [milliseconds(0.5), milliseconds(0.99)] };
    },
  };
  return meter;
}
