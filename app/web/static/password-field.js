// Shows and hides the password. It is submitted hidden, so that browsers do not store it as plain text.
"use strict";
const field = document.getElementById("password");
const reveal = document.getElementById("reveal");

function show(visible) {
  field.type = visible ? "text" : "password";
  reveal.textContent = visible ? reveal.dataset.hide : reveal.dataset.show;
  reveal.setAttribute("aria-pressed", String(visible));
}

reveal.hidden = false;
reveal.addEventListener("click", () => {
  show(field.type === "password");
  field.focus();
});
field.form.addEventListener("submit", () => show(false));
