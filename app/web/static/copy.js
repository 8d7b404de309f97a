// Copies a link. Where the clipboard is not available (plain HTTP on another host), selects it instead.
"use strict";

async function copy(button) {
  const link = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(link.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(link);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => copy(button));
}
