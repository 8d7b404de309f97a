// Creates a passkey for the account of this page, where the browser can.
"use strict";
const part = document.querySelector("#add-passkey");
const problem = part.querySelector(".error");
const button = part.querySelector("button");

async function send(path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": part.dataset.csrf };
  const answer = await fetch(part.dataset.api + path, { method: "POST", headers, body: JSON.stringify(body) });
  const found = await answer.json();
  if (answer.ok) return found;
  if (found.code.includes("reauthentication") || found.code.includes("stronger")) location.reload(); // asks to confirm
  throw new Error(found.detail);
}

async function addPasskey() {
  const { publicKey } = await send("options", {});
  const options = { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) };
  const credential = (await navigator.credentials.create(options)).toJSON();
  await send("", { credential });
  location.assign(part.dataset.done);
}

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    problem.hidden = true;
    try {
      await addPasskey();
    } catch (error) {
      problem.textContent = error instanceof DOMException ? part.dataset.cancelled : error.message;
      problem.hidden = false;
    }
    button.disabled = false;
  });
  part.hidden = false;
}
