// The list of accounts, and one account.

import { admin } from "./service.js";
import { ask, badge, field, h, moment, say, table } from "./dom.js";

const nameOf = (user) => [user.first_name, user.last_name].filter(Boolean).join(" ");
const stateOf = (user) => (user.state === "active" ? (user.invited_at ? badge("invited", "bad") : badge("active")) : badge(user.state, "bad"));

export async function people({ query, go, more }) {
  const search = query.get("search") ?? "", state = query.get("state") ?? "";
  const parameters = new URLSearchParams({ limit: 25, ...(search && { search }), ...(state && { state }), ...(query.get("after") && { after: query.get("after") }) });
  const page = await admin("GET", `/users?${parameters}`);
  const form = h(
    "form.tools",
    { role: "search", onsubmit: (event) => { event.preventDefault(); const given = new FormData(event.target); go("/people", { search: given.get("search"), state: given.get("state") }); } },
    h("label", {}, "Email address, name or id", h("input", { name: "search", type: "search", value: search, autocomplete: "off" })),
    h("label.narrow", {}, "State", h("select", { name: "state" }, ...["", "active", "disabled", "deleting"].map((one) => h("option", { value: one, selected: one === state }, one || "all")))),
    h("button", { type: "submit" }, "Search"),
    document.body.dataset.invites === "yes" && h("button.quiet", { type: "button", onclick: () => invite(go) }, "Invite"),
  );
  const columns = [
    ["Email address", (user) => [h("a", { href: `#/people/${user.id}` }, user.email), " ", !user.email_verified && badge("not confirmed", "bad")]],
    ["Name", (user) => nameOf(user) || "–"],
    ["State", stateOf],
    ["Roles", (user) => user.roles.join(", ") || "–"],
    ["Created", (user) => moment(user.created_at)],
  ];
  return [h("h1", {}, "People"), form, table("Accounts", columns, page.users, search || state ? "No account matches." : "There are no accounts yet."), more(page.next)];
}

async function invite(go) {
  let created;
  const content = [
    h("p", {}, "The person gets an email with a link, and chooses a password or a passkey."),
    field("Email address", "email", { type: "email", required: true, autofocus: true, autocomplete: "off" }),
    field("First name", "first_name", { autocomplete: "off" }), field("Last name", "last_name", { autocomplete: "off" }), field("Roles, separated by spaces", "roles", { autocomplete: "off" }),
  ];
  const act = async (form) => {
    const given = Object.fromEntries([...form].filter(([, value]) => value));
    if (given.roles) given.roles = given.roles.split(/[\s,]+/).filter(Boolean);
    created = await admin("POST", "/users", given);
  };
  if (await ask("Invite somebody", content, { button: "Send the invitation", act })) {
    say(`An invitation was sent to ${created.email}.`);
    go(`/people/${created.id}`);
  }
}

export async function person({ id, reload, go }) {
  const [user, { sessions }, { events }] = await Promise.all([admin("GET", `/users/${id}`), admin("GET", `/users/${id}/sessions`), admin("GET", `/audit?account=${id}&limit=15`)]);
  const path = `/users/${id}`;
  /** A button that asks first, naming the person, and then does it. */
  const act = (text, question, work, done, danger = true, kind = "button.quiet") =>
    h(kind, { type: "button", onclick: async () => {
      if (await ask(text, h("p", {}, question), { button: text, danger, act: work })) { say(done); reload(); }
    } }, text);
  const facts = [
    ["State", stateOf(user)], ["Name", nameOf(user) || "–"], ["Email address", [user.email, " ", user.email_verified ? badge("confirmed") : badge("not confirmed", "bad")]],
    ["Roles", user.roles.join(", ") || "–"], ["Claims", h("pre", {}, JSON.stringify(user.claims, null, 2))], ["Password", user.has_password ? "yes" : "no"],
    ["Second factor", user.has_second_factor ? "yes" : "no"], ["Language", user.locale ?? "–"], ["Created", moment(user.created_at)],
    user.disabled_at && ["Disabled", moment(user.disabled_at)], user.deletes_at && ["Will be deleted", moment(user.deletes_at)], user.invited_at && ["Invited", moment(user.invited_at)], ["Id", h("code", {}, user.id)],
  ].filter(Boolean);
  const buttons = [
    h("button.quiet", { type: "button", onclick: () => edit(user, path, reload) }, "Change details"),
    h("button.quiet", { type: "button", onclick: () => setRoles(user, path, reload) }, "Set roles"),
    h("button.quiet", { type: "button", onclick: () => setClaims(user, path, reload) }, "Set claims"),
    user.invited_at && act("Send the invitation again", `${user.email} gets a new link, and the earlier one stops working.`, () => admin("POST", `${path}/invitation`), "The invitation was sent again.", false),
    user.invited_at && act("Revoke the invitation", `The account of ${user.email} is deleted.`, async () => { await admin("DELETE", `${path}/invitation`); go("/people"); }, "The invitation was revoked."),
    user.state !== "disabled" && act("Send a password reset", `${user.email} gets an email with a link to choose a new password.`, () => admin("POST", `${path}/reset`), "The email is on its way.", false),
    user.has_second_factor && act("Remove second factors", `All factors and passkeys of ${user.email} are removed, and all devices are signed out. Check first that you talk to the owner.`, () => admin("DELETE", `${path}/factors`), "The second factors were removed."),
    user.state === "disabled"
      ? act("Enable", `${user.email} can sign in again.`, () => admin("POST", `${path}/enable`), "The account is enabled.", false)
      : act("Disable", `${user.email} is signed out everywhere and cannot sign in until the account is enabled again.`, () => admin("POST", `${path}/disable`), "The account is disabled."),
    user.state !== "deleting" && act("Delete", `The account of ${user.email} is signed out everywhere and scheduled for deletion. Its owner keeps it by signing in before that.`, () => admin("DELETE", path), "The deletion is scheduled."),
  ];
  const columns = [
    ["Device", (one) => one.name], ["Signed in", (one) => moment(one.created_at)], ["Last used", (one) => moment(one.last_used_at)], ["IP address", (one) => one.ip ?? "–"],
    ["", (one) => act("Sign out", `${one.name} of ${user.email} is signed out at once.`, () => admin("DELETE", `${path}/sessions/${one.id}`), "The session has ended.", true, "button.quiet.small")],
  ];
  return [
    h("p.back", {}, h("a", { href: "#/people" }, "← People")), h("h1", {}, user.email),
    h("section.panel", {}, h("dl.facts", {}, ...facts.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, ...[value].flat())])), h("div.acts", {}, ...buttons)),
    h("h2", {}, "Sessions"), table("Sessions", columns, sessions, "Not signed in anywhere."),
    sessions.length > 1 && h("div.acts", {}, act("Sign out everywhere", `All ${sessions.length} sessions of ${user.email} end at once.`, () => admin("DELETE", `${path}/sessions`), "All sessions have ended.")),
    h("h2", {}, "Latest events"), table("Events", [["Time", (one) => moment(one.at)], ["Event", (one) => [one.event, " ", one.result === "failure" && badge("failed", "bad")]], ["IP address", (one) => one.ip ?? "–"]], events, "No events."),
    events.length === 15 && h("p.pages", {}, h("a.button.quiet", { href: `#/audit?account=${user.id}` }, "All events")),
  ];
}

async function edit(user, path, reload) {
  const content = [
    field("Email address", "email", { type: "email", required: true, value: user.email, autocomplete: "off" }),
    field("First name", "first_name", { value: user.first_name ?? "", autocomplete: "off" }), field("Last name", "last_name", { value: user.last_name ?? "", autocomplete: "off" }),
    h("label", {}, h("input", { type: "checkbox", name: "email_verified", checked: user.email_verified }), " The address is confirmed"),
  ];
  const act = (form) => {
    const changes = { first_name: form.get("first_name") || null, last_name: form.get("last_name") || null };
    if (form.get("email") !== user.email) changes.email = form.get("email");
    if ((form.get("email_verified") === "on") !== user.email_verified) changes.email_verified = form.get("email_verified") === "on";
    return admin("PATCH", path, changes);
  };
  if (await ask(`Change ${user.email}`, content, { act })) { say("Saved."); reload(); }
}

async function setRoles(user, path, reload) {
  const act = (form) => admin("PUT", `${path}/roles`, { roles: form.get("roles").split(/[\s,]+/).filter(Boolean) });
  const content = field("Roles, separated by spaces", "roles", { value: user.roles.join(" "), autofocus: true, autocomplete: "off" });
  if (await ask(`Roles of ${user.email}`, content, { act })) { say("The roles are set."); reload(); }
}

async function setClaims(user, path, reload) {
  const act = (form) => {
    let claims;
    try { claims = JSON.parse(form.get("claims")); } catch (error) { throw new Error(`This is not JSON: ${error.message}`); }
    return admin("PUT", `${path}/claims`, { claims });
  };
  const content = [h("label", { for: "claims" }, "Claims, a JSON object. They are in the access tokens."), h("textarea", { id: "claims", name: "claims", spellcheck: "false" }, JSON.stringify(user.claims, null, 2))];
  if (await ask(`Claims of ${user.email}`, content, { act })) { say("The claims are set."); reload(); }
}
