// What an answer to the request for an issue means.

import { isTrouble } from "../common/api.js";

const refusals = {
  sold_out: "sold_out",
  ended: "ended",
  paused: "paused",
  not_started: "scheduled",
  not_eligible: "not_eligible",
  coupon_not_found: "missing",
  unauthorized: "sign_in",
};

/** {phase, issue?, detail?}; null: no answer yet, ask again. */
export function meaning(answer) {
  if (isTrouble(answer)) return null;
  if (answer.status === 201) return { phase: "issued", issue: answer.body };
  if (answer.status === 200 || answer.code === "already_issued")
    return { phase: "held", issue: answer.body.issue ?? answer.body };
  if (answer.code === "revoked") return { phase: "revoked", issue: answer.body.issue };
  if (answer.status === 401) return { phase: "sign_in" };
  return {
    phase: refusals[answer.code] ?? "refused",
    detail: answer.body?.detail ?? String(answer.status),
    startsAt: answer.body?.starts_at,
  };
}
