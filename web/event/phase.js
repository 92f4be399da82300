// What the page shows, decided from what is known. Pure: the server's time is an argument, in milliseconds or null.

const heldPhases = { issued: "issued", redeemed: "redeemed", expired: "expired", revoked: "revoked" };
const decidedStates = { archived: "ended", ended: "ended", paused: "paused", sold_out: "sold_out" };

const time = (text) => (text === null || text === undefined ? null : Date.parse(text));

/** Milliseconds until the coupon opens; 0 if it has begun, null if that is unknown. */
export function untilStart(coupon, now) {
  const starts = time(coupon.starts_at);
  if (starts === null) return 0;
  if (now === null) return coupon.state === "scheduled" ? null : 0;
  return Math.max(0, starts - now);
}

/** The state of the coupon itself. Time begins and ends here, because what the server told may be a second old. */
export function couponPhase(coupon, now) {
  const ends = time(coupon.ends_at);
  if (ends !== null && now !== null && now >= ends) return "ended";
  if (coupon.state in decidedStates) return decidedStates[coupon.state];
  return untilStart(coupon, now) === 0 ? "open" : "scheduled";
}

/**
 * known: {coupon, missing, issue, refusal, signIn, asking, ready}. `refusal` is the phase of the last answer, `ready` says
 * that it is known who asks, and what they hold.
 */
export function phaseOf(known, now) {
  if (known.issue !== null) return heldPhases[known.issue.state] ?? "issued";
  if (known.missing) return "missing";
  if (known.coupon === null) return "loading";
  if (known.asking) return "asking";
  const phase = known.refusal ?? couponPhase(known.coupon, now);
  if (known.signIn && (phase === "open" || phase === "scheduled")) return "sign_in";
  return phase;
}
