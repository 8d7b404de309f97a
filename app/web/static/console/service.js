// The service: requests with the cookies of this browser, and a dialog that reauthenticates when the service asks for it.

import { ask, field, h } from "./dom.js";

export const root = document.body.dataset.root.replace(/\/$/, "");
const { Latchkey } = await import(`${root}/client.js`);

export const service = new Latchkey({ url: location.origin + root, transport: "cookie", onReauthenticate: reauthenticate });
export const admin = (method, path, body) => service.call(method, `/admin${path}`, body);

/** All pages of a list, one after the other. */
export async function* pages(path, member) {
  for (let after = ""; after !== null; ) {
    const page = await admin("GET", `${path}${path.includes("?") ? "&" : "?"}limit=100${after && `&after=${encodeURIComponent(after)}`}`);
    yield* page[member];
    after = page.next;
  }
}

async function reauthenticate() {
  const account = await service.account();
  const passkeys = window.PublicKeyCredential ? await service.passkeys.list() : [];
  const byCode = account.has_second_factor;
  const input = byCode
    ? field("Code from your authenticator app, or a recovery code", "code", { required: true, autocomplete: "one-time-code", autofocus: true })
    : field("Your password", "password", { type: "password", required: true, autocomplete: "current-password", autofocus: true });
  const usePasskey = passkeys.length && h("button.quiet.wide", { type: "button", onclick: (event) => withPasskey(event.target.closest("dialog")) }, "Use a passkey");
  let done = false;
  async function withPasskey(dialog) {
    await service.reauthenticate({ passkey: true });
    done = true;
    dialog.close();
  }
  const act = async (form) => {
    const code = String(form.get("code") ?? "").replace(/\s/g, "");
    await service.reauthenticate(!byCode ? { password: form.get("password") } : /^\d{6}$/.test(code) ? { code } : { recovery_code: form.get("code").trim() });
  };
  const content = [h("p", {}, "Administration needs a recent sign-in."), account.has_password || byCode ? input : null, usePasskey || null];
  const given = await ask("Confirm that it is you", content, { button: "Confirm", act });
  if (!given && !done) throw new Error("Not confirmed, so nothing was changed.");
}
