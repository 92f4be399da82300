// Requests to the gateway that serves this page, which may have a prefix in front of its paths.

import { session } from "./session.js";

const root = new URL("../../", import.meta.url);

export const address = (path) => new URL(path, root).href;

/** Called with the time that each answer says the server had, in milliseconds; and when a token is needed. */
export const listeners = { onDate: () => {}, onUnauthorized: () => {} };

function readDate(headers) {
  const date = Date.parse(headers.get("Date") ?? "");
  if (!Number.isNaN(date) && !headers.has("Age")) listeners.onDate(date);
}

async function readBody(answer) {
  try {
    return /json/.test(answer.headers.get("Content-Type") ?? "") ? await answer.json() : null;
  } catch {
    return null;
  }
}

/**
 * Resolves always: {status, code, body, etag, retryAfter}. The status is 0 if there was no answer, or an incomplete one;
 * `code` is the error's, or null. `headers` are added to the request, `body` is sent as JSON.
 */
export async function request(method, path, { body, headers = {}, timeout = 10000 } = {}) {
  const fields = { Accept: "application/json", ...headers };
  if (session.token !== null) fields.Authorization = `Bearer ${session.token}`;
  if (body !== undefined) fields["Content-Type"] = "application/json";
  try {
    const answer = await fetch(address(path), {
      method,
      headers: fields,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(timeout),
    });
    readDate(answer.headers);
    if (answer.status === 401) listeners.onUnauthorized();
    const content = await readBody(answer);
    if (content === null && answer.ok) return { status: 0, code: null, body: null };
    return {
      status: answer.status,
      code: answer.ok ? null : (content?.code ?? null),
      body: content,
      etag: answer.headers.get("ETag"),
      retryAfter: Number(answer.headers.get("Retry-After")) || 0,
    };
  } catch {
    return { status: 0, code: null, body: null };
  }
}

/** True if asking again later may give another answer: no connection, too many requests, a server in trouble. */
export const isTrouble = ({ status }) => status === 0 || status === 408 || status === 429 || status >= 500;

/** How long to wait before the next try, in milliseconds: at least what the server said, spread over as much again. */
export function pause(answer, tries) {
  const least = answer.retryAfter > 0 ? answer.retryAfter * 1000 : Math.min(500 * 2 ** tries, 8000);
  return least * (1 + Math.random());
}
