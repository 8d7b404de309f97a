// Answers an invitation with a passkey, where the browser can create one.
"use strict";
const part = document.querySelector("#with-passkey");
const button = document.querySelector("#create-passkey");
const problem = document.querySelector("#passkey-error");
const { api, token } = part.dataset;

async function send(path, body, accessToken) {
  const headers = { "Content-Type": "application/json" };
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  const answer = await fetch(api + path, { method: "POST", headers, body: JSON.stringify(body) });
  const found = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

async function createPasskey() {
  const { publicKey } = await send("invitation/passkey/options", { token });
  const options = { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) };
  const credential = await navigator.credentials.create(options);
  const tokens = await send("invitation/passkey", { token, credential: credential.toJSON() });
  // Somebody signs in to an app, not to this page.
  await send("logout", {}, tokens.access_token).catch(() => {});
}

button.addEventListener("click", async () => {
  button.disabled = true;
  problem.hidden = true;
  try {
    await createPasskey();
    document.querySelector("#choices").hidden = true;
    const created = document.querySelector("#passkey-created");
    created.hidden = false;
    created.focus();
  } catch (error) {
    const cancelled = error instanceof DOMException || error instanceof TypeError;
    problem.textContent = cancelled ? "No passkey was created. Try again, or choose a password." : error.message;
    problem.hidden = false;
  }
  button.disabled = false;
});
part.hidden = !window.PublicKeyCredential?.parseCreationOptionsFromJSON;
