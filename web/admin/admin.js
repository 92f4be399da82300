// The console: who uses it, and the view that the address asks for, as in #/events/noon.

import { listeners, request } from "../common/api.js";
import { createClock } from "../common/clock.js";
import { byId, element, setText } from "../common/dom.js";
import { createLanguage } from "../common/language.js";
import { session } from "../common/session.js";
import { access } from "./access.js";
import { ask } from "./dialog.js";
import { showEvent } from "./event.js";
import { showForm } from "./event_form.js";
import { showEvents } from "./events.js";
import { showLetters } from "./letters.js";
import { showRehearsal } from "./rehearsal.js";
import { showSystem } from "./system.js";
import { texts } from "./texts.js";
import { field, notice, text, ui } from "./ui.js";
import { showUsers } from "./users.js";

// The views of the navigation: [name, ability that they need].
const views = [
  ["events", "list"],
  ["users", "wallet"],
  ["letters", "letters"],
  ["system", "system"],
  ["rehearsal", "rehearse"],
];

const routes = [
  [/^\/events$/, "events", showEvents],
  [/^\/events\/new$/, "events", showForm],
  [/^\/events\/([^/]+)\/change$/, "events", showForm],
  [/^\/events\/([^/]+)$/, "events", showEvent],
  [/^\/users(?:\/([^/]+))?$/, "users", showUsers],
  [/^\/letters$/, "letters", showLetters],
  [/^\/system$/, "system", showSystem],
  [/^\/rehearsal(?:\/([^/]+))?$/, "rehearsal", showRehearsal],
];

let end = null; // ends the view that is shown
let asking = false; // the dialog for a token is open

/* --- who uses it --- */

async function signIn(about) {
  if (asking) return;
  asking = true;
  const input = element("input", { type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const signed = await ask({
    title: text("signIn"),
    about,
    action: text("signIn"),
    fields: [field("token", input, { help: text("tokenHelp") })],
    async submit({ token }) {
      const before = session.token;
      session.keep(token.replace(/^Bearer\s+/i, ""));
      if ((await access.read()) && (await request("GET", "v1/dead-letters?limit=1")).status !== 401) return null;
      session.keep(before ?? "");
      return { token: text("tokenWrong") };
    },
  });
  asking = false;
  if (signed) show();
}

async function account() {
  if (session.token === null) return signIn(text("signInText"));
  const id = access.id ?? text("nobody");
  const about = text("signedIn", { id, roles: access.roles.join(", ") });
  await ask({
    title: text("account"),
    about,
    action: text("signOut"),
    submit: async () => {
      session.forget();
      return null;
    },
  });
  if (session.token === null) start();
}

/* --- views --- */

function drawFrame(current) {
  const links = views
    .filter(([, ability]) => access.may(ability))
    .map(([name]) =>
      element("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, text(`view_${name}`)),
    );
  byId("views").replaceChildren(...links);
  links.find((link) => link.hasAttribute("aria-current"))?.scrollIntoView({ block: "nearest", inline: "nearest" });
  byId("account").hidden = session.token === null && !access.needed;
  setText(byId("account"), session.token === null ? text("signIn") : (access.id ?? text("account")));
  document.title = `${text(`view_${current}`)} · coupond`;
}

function show() {
  const path = location.hash.slice(1) || "/events";
  const [pattern, name, view] = routes.find(([one]) => one.test(path)) ?? routes[0];
  const argument = path.match(pattern)?.[1];
  end?.();
  end = null;
  drawFrame(name);
  const root = element("div", { class: "view" });
  byId("main").replaceChildren(root);
  const [, ability] = views.find(([one]) => one === name);
  if (session.token === null && !access.may(ability)) signIn(text("signInText"));
  if (!access.may(ability))
    root.append(notice("warn", text("notAllowed"), text("notAllowedText", { roles: access.roles.join(", ") })));
  else end = view(root, argument === undefined ? undefined : decodeURIComponent(argument)) ?? null;
}

async function start() {
  const known = await access.read();
  drawFrame("events");
  if (known) show();
  else signIn(text("signInText"));
}

session.read();
ui.language = createLanguage(texts);
ui.clock = createClock();
listeners.onDate = (date) => ui.clock.learn(date);
listeners.onUnauthorized = () => signIn(text("signInText"));
ui.language.onChange = () => byId("main").querySelector(".view") && show();
ui.language.set(ui.language.code);
byId("account").addEventListener("click", account);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment of the address names the view
  byId("main").focus();
});
addEventListener("hashchange", () => {
  show();
  byId("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});
start();
