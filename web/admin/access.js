// Who uses the console, and what their roles may do: the table of permissions, as docs/identity.md has it. The gateway
// decides; this only hides what would be refused.

import { request } from "../common/api.js";

const abilities = {
  list: ["seller", "service", "viewer", "admin"],
  create: ["seller", "admin"],
  change: ["seller", "admin"],
  history: ["seller", "viewer", "admin"],
  issues: ["seller", "viewer", "admin"],
  wallet: ["service", "viewer", "admin"],
  code: ["service", "viewer", "admin"],
  redeem: ["service", "admin"],
  undo: ["service", "admin"],
  revoke: ["seller", "service", "admin"],
  letters: ["viewer", "admin"],
  retry: ["admin"],
  system: ["viewer", "admin"],
  verify: ["admin"],
  rehearse: ["admin"],
};

export const access = {
  id: null,
  roles: ["admin"],
  identity: false,
  needed: false, // a token gives more rights than none
  /** Reads who uses the console. Resolves to false if a token is needed, or the one there is was refused. */
  async read() {
    const answer = await request("GET", "v1/me");
    access.needed = answer.status === 401 || !(answer.body?.roles ?? ["admin"]).includes("admin");
    if (answer.status === 401) return false;
    const { id = null, roles = ["admin"], identity = false } = answer.status === 200 ? answer.body : {};
    Object.assign(access, { id, roles, identity });
    return true;
  },
  may: (ability) => access.roles.some((role) => abilities[ability].includes(role)),
};
