// Signs in with a passkey, finishes a sign-in with one, or confirms who is signed in, where the browser can use passkeys.
"use strict";
const part = document.querySelector("#with-passkey");
const button = document.querySelector("#use-passkey");
const problem = document.querySelector("#passkey-error");
const csrf = part?.dataset.csrf;

async function send(path, body) {
  const headers = { "Content-Type": "application/json", ...(csrf && { "X-CSRF-Token": csrf }) };
  const answer = await fetch(part.dataset.api + path, { method: "POST", headers, body: JSON.stringify(body) });
  const found = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

async function usePasskey() {
  const { token, done, options: optionsPath = "passkey/options", finish } = part.dataset;
  const { publicKey } = await send(optionsPath, token ? { token } : {});
  const options = { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) };
  const credential = (await navigator.credentials.get(options)).toJSON();
  if (finish) await send(finish, { passkey: credential });
  else if (token) await send("second-factor?transport=cookie", { token, passkey: credential });
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
      problem.textContent = cancelled ? part.dataset.cancelled : error.message;
      problem.hidden = false;
    }
    button.disabled = false;
  });
  part.hidden = false;
}
