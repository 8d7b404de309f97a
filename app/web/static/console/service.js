// The service: requests with the cookies of this browser, and a dialog that reauthenticates when the service asks for it.

import { ask, field, h, show } from "./dom.js";

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
  const byCode = account.has_second_factor, byEmail = !byCode && !account.has_password;
  const code = { required: true, autocomplete: "one-time-code", autofocus: true };
  const input = byCode
    ? field("Code from your authenticator app, or a recovery code", "code", code)
    : byEmail
      ? field(`Code from the email to ${account.email}`, "email_code", code)
      : field("Your password", "password", { type: "password", required: true, autocomplete: "current-password", autofocus: true });
  const attempt = byEmail ? (await service.call("POST", "/auth/email", { email: account.email })).attempt : null;
  const tryPasskey = ({ target }) => withPasskey(target.closest("dialog")).catch((error) => show(target.closest("dialog"), error));
  const usePasskey = passkeys.length && h("button.quiet.wide", { type: "button", onclick: tryPasskey }, "Use a passkey");
  let done = false;
  async function withPasskey(dialog) {
    await service.reauthenticate({ passkey: true });
    done = true;
    dialog.close();
  }
  const act = async (form) => {
    const typed = String(form.get("code") ?? "").replace(/\s/g, "");
    if (byEmail) await service.reauthenticate({ attempt, email_code: form.get("email_code").trim().toUpperCase() });
    else if (!byCode) await service.reauthenticate({ password: form.get("password") });
    else await service.reauthenticate(/^\d{6}$/.test(typed) ? { code: typed } : { recovery_code: form.get("code").trim() });
  };
  const content = [h("p", {}, "Administration needs a recent sign-in."), input, usePasskey || null];
  const given = await ask("Confirm that it is you", content, { button: "Confirm", act });
  if (!given && !done) throw new Error("Not confirmed, so nothing was changed.");
}
