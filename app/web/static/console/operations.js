// Figures and health, emails, the audit log, signing keys and invitations.

import { admin, pages, service } from "./service.js";
import { ask, badge, chart, field, h, moment, say, table, words } from "./dom.js";

const MOST_COUNTED = 100_000; // the service counts no further

export async function overview() {
  const [figures, health] = await Promise.all([admin("GET", "/figures"), fetch(`${service.url}/readyz`).then((answer) => answer.json())]);
  const checks = Object.entries(health.checks ?? {});
  const numbers = [["Accounts", figures.accounts], ["Live sessions", figures.sessions], ["Emails queued", figures.emails_queued], ["Emails not delivered", figures.emails_dead]];
  return [
    h("h1", {}, "Overview"),
    h("dl.figures", {}, ...numbers.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value.toLocaleString() + (value >= MOST_COUNTED ? "+" : ""))))),
    h("div.charts", {}, chart("Sign-ups", figures.days, "sign_ups"), chart("Sign-ins", figures.days, "sign_ins"), chart("Failed sign-ins", figures.days, "failed_sign_ins", true)),
    figures.complete_since && h("p.soft", {}, "Events before ", moment(figures.complete_since), " are not counted."),
    h("h2", {}, "Health"),
    h("section.panel", {}, h("dl.facts", {}, ...checks.flatMap(([name, state]) => [h("dt", {}, name), h("dd", {}, String(state) === "ok" ? badge("ok") : badge(String(state), "bad"))]))),
  ];
}

export async function emails({ query, go, more, reload }) {
  const state = query.get("state") ?? "";
  const page = await admin("GET", `/mail?${new URLSearchParams({ limit: 25, ...(state && { state }), ...(query.get("after") && { after: query.get("after") }) })}`);
  const retry = async (id) => { await admin("POST", `/mail/${id}/retry`); say("The email is sent again."); reload(); };
  const columns = [
    ["Kind", (one) => one.kind.replaceAll("_", " ")], ["To", (one) => (one.account_id ? h("a", { href: `#/people/${one.account_id}` }, one.address ?? "account") : one.address ?? "–")],
    ["State", (one) => badge(one.state, one.state === "sent" ? "good" : "bad")], ["Attempts", (one) => String(one.attempts)], ["Created", (one) => moment(one.created_at)],
    ["Error", (one) => one.error ?? "–"], ["", (one) => (one.state === "dead" || (one.state === "queued" && one.attempts) ? h("button.quiet.small", { type: "button", onclick: () => retry(one.id).catch((error) => say(words(error))) }, "Send again") : "")],
  ];
  const filter = h("form.tools", {}, h("label.narrow", {}, "State", h("select", { onchange: (event) => go("/emails", { state: event.target.value }) }, ...["", "queued", "sent", "dead", "dropped"].map((one) => h("option", { value: one, selected: one === state }, one || "all")))), h("button.quiet", { type: "button", onclick: () => retryAll(reload) }, "Send all failed again"));
  return [h("h1", {}, "Emails"), filter, table("Emails", columns, page.messages, "No emails."), more(page.next)];
}

async function retryAll(reload) {
  const progress = h("progress", { max: 1, value: 0 }), count = h("p", { role: "status" }, "");
  const act = async (form, isOpen) => {
    let sent = 0;
    const dead = [];
    for await (const one of pages("/mail?state=dead", "messages")) dead.push(one.id);
    progress.max = dead.length || 1;
    for (const [index, id] of dead.entries()) {
      if (!isOpen()) break;
      await admin("POST", `/mail/${id}/retry`).then(() => (sent += 1), (error) => { if (error.code !== "nothing_to_retry") throw error; });
      progress.value = index + 1;
      count.textContent = `${index + 1} of ${dead.length}`;
    }
    say(`Emails that are sent again: ${sent}.`);
  };
  if (await ask("Send all failed emails again", [h("p", {}, "Emails that the mail server refused for good, or too often, are due at once."), progress, count], { button: "Send again", act })) reload();
}

export async function audit({ query, go, more }) {
  const given = { event: query.get("event") ?? "", account: query.get("account") ?? "" };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
  const page = await admin("GET", `/audit?${new URLSearchParams({ limit: 50, ...set, ...(query.get("after") && { after: query.get("after") }) })}`);
  const form = h(
    "form.tools", { role: "search", onsubmit: (event) => { event.preventDefault(); go("/audit", Object.fromEntries(new FormData(event.target))); } },
    h("label", {}, "Event type, such as login.failed", h("input", { name: "event", value: given.event, autocomplete: "off", pattern: "[a-z_.]{1,60}" })), h("label", {}, "Account id", h("input", { name: "account", value: given.account, autocomplete: "off" })), h("button", { type: "submit" }, "Filter"),
  );
  const account = (id) => (id && id !== "operator" ? h("a", { href: `#/people/${id}` }, id.slice(0, 8)) : id ?? "–");
  const columns = [
    ["Time", (one) => moment(one.at)], ["Event", (one) => [one.event, " ", one.result === "failure" && badge("failed", "bad")]], ["Account", (one) => account(one.account_id)], ["By", (one) => account(one.actor_id)], ["IP address", (one) => one.ip ?? "–"],
    ["Details", (one) => h("details", {}, h("summary", {}, "Show"), h("pre", {}, JSON.stringify({ ...one.details, session_id: one.session_id, user_agent: one.user_agent, id: one.id }, null, 2)))],
  ];
  return [h("h1", {}, "Audit log"), form, table("Events", columns, page.events, "No events match."), more(page.next)];
}

export async function keys({ reload }) {
  const { keys: found } = await admin("GET", "/keys");
  const rotate = async () => {
    const content = [h("p", {}, "The new key is published at once and signs after other services have read it. The old one stays valid for the tokens that it has signed."), h("label", { for: "algorithm" }, "Algorithm"), h("select", { id: "algorithm", name: "algorithm" }, ...["", "ES256", "EdDSA", "RS256"].map((one) => h("option", { value: one }, one || "as configured")))];
    if (await ask("Rotate the signing key", content, { button: "Rotate", act: (form) => admin("POST", "/keys/rotate", form.get("algorithm") ? { algorithm: form.get("algorithm") } : {}) })) { say("A new key was made."); reload(); }
  };
  const columns = [["Id", (one) => h("code", {}, one.kid)], ["Algorithm", (one) => one.algorithm], ["Signs from", (one) => moment(one.signs_from)], ["State", (one) => (one.signs ? badge("signs") : badge("verifies", "bad"))]];
  return [h("h1", {}, "Signing keys"), table("Keys", columns, found, "No keys."), h("div.acts", {}, h("button", { type: "button", onclick: rotate }, "Rotate"))];
}

export async function invitations({ query, more, reload }) {
  const page = await admin("GET", `/invitations?${new URLSearchParams({ limit: 25, ...(query.get("after") && { after: query.get("after") }) })}`);
  const revoke = async (user) => { if (await ask("Revoke the invitation", h("p", {}, `The account of ${user.email} is deleted.`), { button: "Revoke", danger: true, act: () => admin("DELETE", `/users/${user.id}/invitation`) })) { say("The invitation was revoked."); reload(); } };
  const again = (user) => admin("POST", `/users/${user.id}/invitation`).then(() => say(`An invitation was sent to ${user.email}.`), (error) => say(words(error)));
  const columns = [
    ["Email address", (user) => h("a", { href: `#/people/${user.id}` }, user.email)], ["Roles", (user) => user.roles.join(", ") || "–"], ["Invited", (user) => moment(user.invited_at)],
    ["", (user) => [h("button.quiet.small", { type: "button", onclick: () => again(user), "aria-label": `Send again: ${user.email}` }, "Send again"), " ", h("button.quiet.small", { type: "button", onclick: () => revoke(user), "aria-label": `Revoke: ${user.email}` }, "Revoke")]],
  ];
  return [h("h1", {}, "Invitations"), table("Open invitations", columns, page.invitations, "No invitation is open."), more(page.next)];
}
