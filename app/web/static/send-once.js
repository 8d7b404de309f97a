// Sends a form once: a second click would use a link or a code that the first one has consumed.
"use strict";

for (const button of document.querySelectorAll("button[data-sending]")) {
  button.form.addEventListener("submit", (event) => {
    if (button.disabled) return event.preventDefault();
    button.disabled = true;
    button.textContent = button.dataset.sending;
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
