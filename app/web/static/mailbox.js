// Updates the list of emails and their ages in place, so that the focus and the selection are kept.
"use strict";

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.pathname);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, current] = [document.getElementById("messages"), page.getElementById("messages")];
  if (!old || !current) return location.reload();
  if (addresses(old) === addresses(current)) return copyAges(old, current);
  old.replaceWith(current);
  const newest = current.querySelector("strong");
  document.getElementById("news").textContent = newest ? `New email: ${newest.textContent}` : "";
}

function addresses(list) {
  return Array.from(list.querySelectorAll("a"), (link) => link.getAttribute("href")).join();
}

function copyAges(old, current) {
  const ages = current.querySelectorAll("time");
  old.querySelectorAll("time").forEach((time, index) => (time.textContent = ages[index].textContent));
}

setInterval(() => refresh().catch(() => {}), 2000); // a development server restarts often
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
