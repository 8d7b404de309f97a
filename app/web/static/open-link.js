// Reads the token from the fragment of an emailed link, removes it from the address bar and the history, and posts it to
// this page. In <head> without `defer`, so that the form for pasting a link is not shown first.
"use strict";
const root = document.documentElement;

function openLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  root.classList.add("opens-link");
  if (document.body) post(token);
  else addEventListener("DOMContentLoaded", () => post(token), { once: true });
}

function post(token) {
  const form = document.createElement("form");
  const field = document.createElement("input");
  Object.assign(form, { method: "post", action: location.pathname, className: "card opening", role: "status" });
  Object.assign(field, { type: "hidden", name: "token", value: token });
  form.append("Opening your link…", field);
  document.querySelector("main").prepend(form);
  form.submit();
}

addEventListener("hashchange", openLink);
addEventListener("pageshow", (event) => event.persisted && location.reload());
openLink();
