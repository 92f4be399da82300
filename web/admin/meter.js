// Rates and quantiles from what is told again and again. Pure.

const window = 10; // measurements that a rate is taken from

/** The upper bound of the bucket that has the quantile. `buckets`: [[bound in seconds, count up to it]], ascending. */
export function quantile(buckets, part) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  return buckets.find(([, count]) => count >= part * total)[0];
}

/** [[bound, count]] of the buckets of a status, whether they are an object or a list. */
function bucketsOf(latency) {
  const buckets = latency?.buckets ?? [];
  const pairs = Array.isArray(buckets)
    ? buckets.map((one) => (Array.isArray(one) ? one : [one.le, one.count]))
    : Object.entries(buckets);
  return pairs.map(([bound, count]) => [bound === null || bound === "+Inf" ? Infinity : Number(bound), count]);
}

const shown = ["issued", "already_issued", "sold_out"];

export function createMeter() {
  const seen = []; // [milliseconds, issued]
  let before = null; // the status before
  const meter = {
    rate: 0, // issues per second
    learn(coupon, now) {
      if (typeof coupon.rate === "number") {
        meter.rate = coupon.rate;
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
      if (last === null || now.at <= last.at) return null;
      const grown = (name) =>
        Math.max(0, ((now.outcomes[name] ?? 0) - (last.outcomes[name] ?? 0)) * 1000) / (now.at - last.at);
      const others = Object.keys(now.outcomes)
        .filter((name) => !shown.includes(name))
        .reduce((sum, name) => sum + grown(name), 0);
      const buckets = now.buckets.map(([bound, count], at) => [bound, count - (last.buckets[at]?.[1] ?? 0)]);
      const milliseconds = (part) => {
        const bound = quantile(buckets, part);
        return bound === null || bound === Infinity ? null : bound * 1000;
      };
      return { outcomes: [...shown.map(grown), others], latency: [milliseconds(0.5), milliseconds(0.99)] };
    },
  };
  return meter;
}
