// Signs in with a passkey, or finishes a sign-in with one, where the browser can use passkeys.
"use strict";
const part = document.querySelector("#with-passkey");
const button = document.querySelector("#use-passkey");
const problem = document.querySelector("#passkey-error");

async function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(part.dataset.api + path, { method: "POST", headers, body: JSON.stringify(body) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

async function usePasskey() {
  const { token, done } = part.dataset;
  const { publicKey } = await send("passkey/options", token ? { token } : {});
  const options = { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) };
  const credential = (await navigator.credentials.get(options)).toJSON();
  if (token) await send("second-factor?transport=cookie", { token, passkey: credential });
  else await send("passkey?transport=cookie", { credential });
  location.assign(done);
}

if (part && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    problem.hidden = true;
    try {
      await usePasskey();
    } catch (error) {
      const cancelled = error instanceof DOMException || error instanceof TypeError;
      problem.textContent = cancelled ? "No passkey was used. Try again, or sign in another way." : error.message;
      problem.hidden = false;
    }
    button.disabled = false;
  });
  part.hidden = false;
}
