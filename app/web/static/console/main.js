// The console: which view is shown for which part of the URL, and for whom.

import { root, service } from "./service.js";
import { h, words } from "./dom.js";
import { people, person } from "./people.js";
import { audit, emails, invitations, keys, overview } from "./operations.js";

const VIEWS = { "": ["Overview", overview], people: ["People", people], invitations: ["Invitations", invitations], emails: ["Emails", emails], audit: ["Audit log", audit], keys: ["Signing keys", keys] };
const view = document.querySelector("#view"), sections = document.querySelector("#sections"), who = document.querySelector("#who");
const { name } = document.body.dataset;
let shown = 0;
const signInUrl = () => `${root}/sign-in?redirect_to=${encodeURIComponent(`${root}/admin${location.hash}`)}`;

function go(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value);
  const target = `#${path}${set.length ? `?${new URLSearchParams(set)}` : ""}`;
  if (location.hash === target) show();
  else location.hash = target;
}

/** A link to the next page of a list. */
function more(next, query) {
  if (!next) return null;
  const path = location.hash.slice(1).split("?")[0];
  return h("p.pages", {}, h("button.quiet", { type: "button", onclick: () => go(path, { ...Object.fromEntries(query), after: next }) }, "Older"));
}

async function show() {
  const mine = ++shown;
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [section, id] = path.split("/"), query = new URLSearchParams(search);
  const [title, render] = id && section === "people" ? ["Account", person] : VIEWS[section] ?? VIEWS[""];
  document.title = `${title} · ${name} Console`;
  for (const link of sections.querySelectorAll("a")) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await render({ id, query, go, reload: show, more: (next) => more(next, query) });
  } catch (error) {
    if (error.status === 401) return location.assign(signInUrl());
    content = error.code === "forbidden" ? notAllowed() : [h("h1", {}, title), h("p.error", { role: "alert" }, words(error)), h("button.quiet", { type: "button", onclick: show }, "Try again")];
  }
  if (mine !== shown) return; // another view was opened meanwhile
  view.replaceChildren(...content.filter(Boolean));
  view.removeAttribute("aria-busy");
  if (document.activeElement === document.body) view.focus({ preventScroll: true });
}

function notAllowed() {
  return [
    h("h1", {}, "This account is not an administrator"),
    h("p", {}, "Sign in with another account, or let an operator run this command where the service runs:"),
    h("pre", {}, "flask accounts create --role admin you@example.com"),
    h("p.soft", {}, "For an account that exists: flask accounts grant you@example.com admin"),
  ];
}

async function start() {
  let account;
  try {
    account = await service.account();
  } catch (error) {
    if (error.status === 401) return location.replace(signInUrl());
    return view.replaceChildren(h("h1", {}, "Console"), h("p.error", { role: "alert" }, words(error)), h("button.quiet", { type: "button", onclick: start }, "Try again"));
  }
  const signOut = async () => {
    await service.signOut().catch(() => {});
    location.assign(`${root}/sign-in?redirect_to=${encodeURIComponent(`${root}/admin`)}`);
  };
  who.replaceChildren(h("a", { href: `${root}/account` }, account.email), h("button.quiet.small", { type: "button", onclick: signOut }, "Sign out"));
  if (!account.roles.includes("admin")) return view.replaceChildren(...notAllowed());
  sections.replaceChildren(h("ul", {}, ...Object.entries(VIEWS).map(([section, [title]]) => h("li", {}, h("a", { href: `#/${section}`, "data-section": section }, title)))));
  sections.hidden = false;
  addEventListener("hashchange", show);
  await show();
}

await start();
