// The token of the person who looks at the page: the cookie coupond_token, which the embedding site may set for this
// host; else, on a page that takes it, #token=… of the address, which leaves the address at once; else what this tab was
// given before. The cookie comes first, so that no link of a stranger signs anybody in as somebody else.

const key = "coupond.token";

function takeFragment() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return token.trim();
}

function fromCookie() {
  const pair = document.cookie.split("; ").find((one) => one.startsWith("coupond_token="));
  return pair?.slice("coupond_token=".length) || null;
}

function stored() {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return session.token; // storage is forbidden
  }
}

export const session = {
  token: null,
  keep(token) {
    session.token = token === "" ? null : token;
    try {
      if (session.token === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, session.token);
    } catch {
      // storage is forbidden: the token lives as long as the page
    }
  },
  /** Reads the token again; `linked` if a link may bear it. True if it is another one than before. */
  read({ linked = false } = {}) {
    const before = session.token;
    const given = linked ? takeFragment() : null;
    const cookie = fromCookie();
    if (cookie === null && given !== null) session.keep(given);
    else session.token = cookie ?? stored();
    return session.token !== before;
  },
  forget: () => session.keep(""),
};
