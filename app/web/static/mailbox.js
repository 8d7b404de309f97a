// Keeps the list of emails and their ages up to date. In place, so that neither focus nor a selection is lost.
"use strict";

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.pathname);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, fresh] = [document.getElementById("messages"), page.getElementById("messages")];
  if (!old || !fresh) return location.reload();
  if (addresses(old) === addresses(fresh)) return copyAges(old, fresh);
  old.replaceWith(fresh);
  const newest = fresh.querySelector("strong");
  document.getElementById("news").textContent = newest ? `New email: ${newest.textContent}` : "";
}

function addresses(list) {
  return Array.from(list.querySelectorAll("a"), (link) => link.getAttribute("href")).join();
}

function copyAges(old, fresh) {
  const ages = fresh.querySelectorAll("time");
  old.querySelectorAll("time").forEach((time, index) => (time.textContent = ages[index].textContent));
}

setInterval(() => refresh().catch(() => {}), 2000); // the server of a developer is away now and then
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
