// Client of the Latchkey account service, for browsers, React Native and Node 20. No dependencies. MIT licence.

/** @typedef {{ get(name: string): string | null | undefined | Promise<string | null | undefined>, set(name: string, value: string): unknown, remove(name: string): unknown }} Storage */
/** @typedef {"signed-in" | "refreshed" | "account-changed" | "signed-out" | "expired"} ChangeEvent */
/** @typedef {{ refresh_token: string, access_token: string, got: number, ends: number, key?: string }} Kept */
/** @typedef {{ field: string, code: string, message: string }} FieldError */
/** @typedef {{ token: string, expires_in: number, methods: string[] }} SecondFactorStep */
/** @typedef {{ id: string, email: string, email_verified: boolean, first_name: string | null, last_name: string | null, locale: string | null, roles: string[], permissions: string[], claims: Record<string, unknown>, has_password: boolean, has_second_factor: boolean, created_at: string, updated_at: string }} Account */
/** @typedef {{ signedIn: true } | { signedIn: false, message: string, attempt?: string, link_token?: string }} SignInResult */
/**
 * @typedef {object} Options
 * @property {string} [url] the origin of the service, and its path if it has one; by default that of this page
 * @property {Storage} [storage] where tokens are kept; by default in memory, which a reload clears
 * @property {"bearer" | "cookie"} [transport] `cookie`: HttpOnly cookies of the service, which scripts cannot read
 * @property {string[]} [apis] origins of your own APIs, to which `fetch` sends the access token
 * @property {typeof fetch} [fetch]
 * @property {() => Promise<unknown>} [onReauthenticate] asks the person to reauthenticate; the request is then repeated
 */

const API = "/api/v1";
const EARLY = 30; // seconds before the access token expires in which it is refreshed
const NAME = "latchkey";
const browser = typeof document !== "undefined";
/** @param {ArrayBuffer | Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** An error response of the service (RFC 9457), or `network` for a request that got none. Branch on `code`. */
export class LatchkeyError extends Error {
  /** @param {Record<string, any>} problem @param {Response} [response] */
  constructor(problem, response) {
    super(problem.detail);
    this.name = "LatchkeyError";
    /** @type {string} */ this.code = problem.code;
    /** @type {number} */ this.status = response?.status ?? 0;
    /** @type {FieldError[]} */ this.errors = problem.errors ?? [];
    /** Seconds to wait before the next attempt. @type {number | undefined} */
    this.retryAfter = Number(response?.headers.get("Retry-After")) || undefined;
    /** @type {string | undefined} */ this.requestId = response?.headers.get("X-Request-ID") ?? undefined;
    /** How to go on, if the code is `second_factor_required`. @type {SecondFactorStep | undefined} */
    this.secondFactor = problem.second_factor;
    /** The token to link an identity with, if the code is `identity_link_required`. @type {string | undefined} */
    this.linkToken = problem.link_token;
  }
}

/** Keeps tokens until the page is closed. @returns {Storage} */
export function memoryStorage() {
  const kept = new Map();
  return { get: (name) => kept.get(name), set: (name, value) => kept.set(name, value), remove: (name) => kept.delete(name) };
}

/** Keeps tokens in localStorage, which all tabs share and every script of the page can read. @returns {Storage} */
export function browserStorage(area = localStorage) {
  return { get: (name) => area.getItem(name), set: (name, value) => area.setItem(name, value), remove: (name) => area.removeItem(name) };
}

export class Latchkey {
  /** @type {Set<(event: ChangeEvent) => unknown>} */ #listeners = new Set();
  /** @type {Promise<Kept | null> | undefined} */ #flight;
  /** @type {LatchkeyError | undefined} */ #refused;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {BroadcastChannel | undefined} */ #channel;
  /** @type {string | undefined} */ #csrf;
  #waitUntil = 0;
  /** The end of the token that this tab has received, by a clock that is never set. */ #own = { token: "", ends: 0 };
  /** @type {Kept | undefined} */ #unsaved;

  /** @param {Options} [options] */
  constructor({ url = browser ? location.origin : "", storage = memoryStorage(), transport = "bearer", apis = [], fetch: send, onReauthenticate } = {}) {
    this.url = url.replace(/\/$/, "");
    this.storage = storage;
    this.transport = transport;
    this.onReauthenticate = onReauthenticate;
    this.send = send ?? ((...given) => globalThis.fetch(...given));
    this.origins = [this.url, ...apis].map((one) => new URL(one || "/", browser ? location.href : undefined).origin);
    if (!browser) return;
    if (typeof BroadcastChannel !== "undefined") {
      this.#channel = new BroadcastChannel(`${NAME} ${this.url}`);
      this.#channel.onmessage = ({ data }) => this.#hear(data);
    }
    document.addEventListener("visibilitychange", () => this.#schedule());
    this.#schedule();
  }

  /** Calls `listener` after each change, also by another tab. @param {(event: ChangeEvent) => unknown} listener @returns {() => void} stops it */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stops the timer and the connection to other tabs. */
  close() {
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = undefined;
    this.#listeners.clear();
  }

  /**
   * Sends a request to the API: `call("GET", "/account/sessions")`. @param {string} method @param {string} path @param {unknown} [body]
   * @param {{ anonymous?: boolean, headers?: Record<string, string> }} [how] @returns {Promise<any>} the body of the response; null if it has none
   */
  async call(method, path, body, how = {}) {
    const init = { method, headers: { ...how.headers, ...(body !== undefined && { "Content-Type": "application/json" }) }, body: body === undefined ? undefined : JSON.stringify(body) };
    const send = () => (how.anonymous ? this.#plain(this.url + API + path, init) : this.fetch(this.url + API + path, init));
    try {
      return await read(await send());
    } catch (error) {
      const asks = error instanceof LatchkeyError && ["reauthentication_required", "stronger_sign_in_required"].includes(error.code);
      if (!asks || !this.onReauthenticate) throw error;
      await this.onReauthenticate();
      return read(await send());
    }
  }

  /**
   * `fetch` with the access token, for the API and for your own APIs in `apis`. After a 401 it refreshes and sends the request once
   * more. Other origins get no token. @param {RequestInfo | URL} input @param {RequestInit} [init] @returns {Promise<Response>}
   */
  async fetch(input, init) {
    const request = new Request(input, init), again = request.clone();
    if (!this.origins.includes(new URL(request.url).origin)) return this.send(request);
    const used = await this.#authorize(request);
    const response = await this.#plain(request);
    if (response.status !== 401) return response;
    try {
      if (this.transport === "cookie") {
        const { code } = await response.clone().json().catch(() => ({}));
        if (code !== "token_expired") return response;
        await this.#refreshCookies();
      } else if (!used || !(await this.#refresh(used))) return response;
    } catch (error) {
      if (error instanceof LatchkeyError && error.status === 401) return response;
      throw error;
    }
    await this.#authorize(again);
    return this.#plain(again);
  }

  /** The access token, refreshed if it expires soon; null if no one is signed in. @returns {Promise<string | null>} */
  async token() {
    const kept = await this.#load();
    if (!kept) return null;
    if (this.#left(kept) > EARLY * 1000) return kept.access_token;
    try {
      return (await this.#refresh(kept.access_token))?.access_token ?? null;
    } catch (error) {
      if (this.#left(kept) > 0) return kept.access_token; // it still works
      throw error;
    }
  }

  /** Whether this client keeps a session. With cookies only `account()` knows. */
  async isSignedIn() {
    return (await this.#load()) !== null;
  }

  /** @param {{ email: string, password: string }} given @returns {Promise<SignInResult>} `signedIn` is false if an email must be confirmed first */
  signUp(given) {
    return this.#enter("/auth/signup", given);
  }

  /** Raises `second_factor_required` with `error.secondFactor`: go on with `secondFactor`. @param {{ email: string, password: string }} given */
  async signIn(given) {
    const trusted_device_token = (await this.storage.get(`${NAME}.trusted`)) || undefined;
    return this.#enter("/auth/login", { ...given, trusted_device_token });
  }

  /** @param {{ conditional?: boolean, signal?: AbortSignal }} [how] `conditional`: offer passkeys in the autofill of a field */
  async signInWithPasskey({ conditional, signal } = {}) {
    const credential = await this.#credential("/auth/passkey/options", {}, { signal, mediation: conditional ? "conditional" : undefined });
    return this.#enter("/auth/passkey", { credential });
  }

  /** Sends an email with a link and a code. @param {string} email */
  async signInWithEmail(email) {
    const { attempt, expires_in } = await this.call("POST", "/auth/email", { email }, { anonymous: true });
    await this.storage.set(`${NAME}.attempt`, attempt);
    return { expires_in };
  }

  /** Signs in with the code or the link of that email. @param {{ code: string } | { token: string, otherDevice?: boolean }} given */
  async finishEmail(given) {
    const attempt = (await this.storage.get(`${NAME}.attempt`)) || undefined;
    if ("code" in given) return this.#enter("/auth/email/code", { attempt, code: given.code });
    return this.#enter("/auth/email/link", { attempt, token: given.token, other_device: given.otherDevice });
  }

  /** Goes on after `second_factor_required`. @param {{ token: string, code?: string, recoveryCode?: string, passkey?: boolean, trustDevice?: boolean }} given */
  async secondFactor({ token, code, recoveryCode, passkey, trustDevice }) {
    const credential = passkey ? await this.#credential("/auth/passkey/options", { token }) : undefined;
    return this.#enter("/auth/second-factor", { token, code, recovery_code: recoveryCode, passkey: credential, trust_device: trustDevice });
  }

  /** Leads the browser to an identity provider, or without one to the sign-in page of the service. @param {string | null} provider @param {{ redirectTo: string }} to */
  async signInWith(provider, { redirectTo }) {
    const verifier = random(), state = random();
    await this.storage.set(`${NAME}.redirect`, JSON.stringify({ verifier, state, provider }));
    const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
    const query = new URLSearchParams({ redirect_to: redirectTo, code_challenge: challenge, state });
    const target = `${this.url}${provider ? `${API}/auth/providers/${provider}/start` : "/sign-in"}?${query}`;
    if (browser) location.assign(target);
    return target;
  }

  /** Finishes `signInWith` on the page at `redirectTo`, and clears the address bar. @param {string} [url] @returns {Promise<SignInResult | null>} null if the URL has no answer */
  async finishRedirect(url = location.href) {
    const answer = new URL(url).searchParams, kept = JSON.parse((await this.storage.get(`${NAME}.redirect`)) || "null");
    if (!answer.has("state") || !(answer.has("code") || answer.has("error"))) return null;
    if (browser) history.replaceState(history.state, "", url.split("?")[0]);
    if (!kept || kept.state !== answer.get("state")) throw new LatchkeyError({ code: "provider_flow_invalid", detail: "This sign-in was not started here." });
    await this.storage.remove(`${NAME}.redirect`);
    if (answer.has("error")) throw new LatchkeyError({ code: answer.get("error"), detail: "The sign-in did not work, or was cancelled." });
    return this.#enter(kept.provider ? "/auth/providers/token" : "/auth/token", { code: answer.get("code"), code_verifier: kept.verifier });
  }

  /** Ends this session, all `others` of the account, or `all`. Without an answer of the service the tokens are forgotten all the same. @param {"this" | "others" | "all"} [scope] */
  async signOut(scope = "this") {
    const kept = await this.#load();
    try {
      await (this.transport === "cookie" ? this.call("POST", `/auth/logout?scope=${scope}`) : kept && this.call("POST", `/auth/logout?scope=${scope}`, { refresh_token: kept.refresh_token }, { anonymous: true }));
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.status === 401)) throw error;
    } finally {
      if (scope !== "others") await this.#forget("signed-out");
    }
  }

  /** Proves again who is signed in. @param {{ password: string } | { code: string } | { recovery_code: string } | { email_code: string, attempt: string } | { passkey: true }} given */
  async reauthenticate(given) {
    const body = "passkey" in given ? { passkey: await this.#credential("/auth/reauthenticate/options") } : given;
    await this.call("POST", "/auth/reauthenticate", body);
    if (this.transport === "bearer") await this.#refresh(); // the new token has the new level
  }

  /** @returns {Promise<Account>} */
  account() {
    return this.call("GET", "/account");
  }

  /** @param {{ first_name?: string | null, last_name?: string | null, locale?: string | null }} changes @returns {Promise<Account>} */
  async updateAccount(changes) {
    return this.#changed(await this.call("PATCH", "/account", changes));
  }

  /** @param {{ password: string, current_password?: string }} given */
  changePassword(given) {
    return this.call("PUT", "/account/password", given);
  }

  /** Sends an email to the new address; then `confirmEmail`. @param {{ email: string, password?: string }} given */
  changeEmail(given) {
    return this.call("PUT", "/account/email", given);
  }

  /** @param {{ code: string } | { token: string }} given */
  async confirmEmail(given) {
    return this.#changed(await this.call("POST", "code" in given ? "/account/email/confirm-code" : "/account/email/confirm", given, { anonymous: !("code" in given) }));
  }

  /** @param {string} email */
  forgotPassword(email) {
    return this.call("POST", "/forgot-password", { email }, { anonymous: true });
  }

  /** @param {{ reset_token: string, password: string } | { email: string, code: string, password: string }} given */
  resetPassword(given) {
    return this.call("POST", "/reset-password", given, { anonymous: true });
  }

  /** @param {{ token: string } | { email: string, code: string }} given */
  async verifyEmail(given) {
    return this.#changed(await this.call("POST", "/verify-email", given, { anonymous: true }));
  }

  /** @param {string} [email] may be left out by somebody who is signed in */
  resendVerification(email) {
    return this.call("POST", "/verify-email/resend", { email }, { anonymous: email !== undefined });
  }

  /** Events of the account, newest first, as many as are asked for. */
  async *activity() {
    for (let after = ""; after !== null; ) {
      const page = await this.call("GET", `/account/activity?limit=100${after && `&after=${encodeURIComponent(after)}`}`);
      yield* page.events;
      after = page.next;
    }
  }

  exportData() {
    return this.call("GET", "/account/export");
  }

  /** Schedules the deletion. @param {string} [password] unless recently authenticated */
  async deleteAccount(password) {
    await this.call("DELETE", "/account", { password });
    await this.#forget("signed-out");
  }

  sessions = {
    /** @returns {Promise<any[]>} */ list: async () => (await this.call("GET", "/account/sessions")).sessions,
    /** @param {string} id */ end: (id) => this.call("DELETE", `/account/sessions/${id}`),
  };

  passkeys = {
    /** @returns {Promise<any[]>} */ list: async () => (await this.call("GET", "/account/passkeys")).passkeys,
    /** Creates a passkey in the browser. @param {string} [name] */
    add: async (name) => {
      const { publicKey } = await this.call("POST", "/account/passkeys/options");
      const created = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
      return this.call("POST", "/account/passkeys", { credential: /** @type {any} */ (created).toJSON(), name });
    },
    /** @param {number} id @param {string} name */ rename: (id, name) => this.call("PATCH", `/account/passkeys/${id}`, { name }),
    /** @param {number} id */ remove: (id) => this.call("DELETE", `/account/passkeys/${id}`),
  };

  factors = {
    list: () => this.call("GET", "/account/factors"),
    /** The secret and QR code of an authenticator app; then `confirm`. @param {{ name?: string, password?: string }} [given] */
    addTotp: (given = {}) => this.call("POST", "/account/factors/totp", given),
    /** @param {number} id @param {string} code @returns {Promise<{ recovery_codes: string[] }>} */
    confirm: async (id, code) => this.#changed(await this.call("POST", `/account/factors/totp/${id}/confirm`, { code })),
    /** @param {number} id */ remove: async (id) => this.#changed(await this.call("DELETE", `/account/factors/${id}`)),
    newRecoveryCodes: () => this.call("POST", "/account/factors/recovery-codes"),
  };

  identities = {
    /** @returns {Promise<any[]>} */ list: async () => (await this.call("GET", "/account/identities")).identities,
    /** @param {{ link_token: string } | { code: string, code_verifier: string } | { provider: string, id_token: string, nonce?: string }} proof */
    link: (proof) => this.call("POST", "/account/identities", proof),
    /** @param {number} id */ unlink: (id) => this.call("DELETE", `/account/identities/${id}`),
  };

  // Below: how tokens are kept and refreshed.

  /** @param {RequestInfo | URL} input @param {RequestInit} [init] */
  async #plain(input, init) {
    try {
      return await this.send(input, this.transport === "cookie" ? { ...init, credentials: "include" } : init);
    } catch (cause) {
      if (/** @type {any} */ (cause)?.name === "AbortError") throw cause;
      throw Object.assign(new LatchkeyError({ code: "network", detail: "The service cannot be reached." }), { cause });
    }
  }

  /** Puts the token into the request. @param {Request} request @returns {Promise<string | null>} the token */
  async #authorize(request) {
    if (this.transport === "cookie") {
      if (!["GET", "HEAD"].includes(request.method)) request.headers.set("X-CSRF-Token", await this.#csrfToken());
      return null;
    }
    const token = await this.token();
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return token;
  }

  async #csrfToken() {
    try {
      this.#csrf ??= (await this.call("GET", "/auth/csrf", undefined, { anonymous: true })).csrf_token;
    } catch (error) {
      if (!(error instanceof LatchkeyError && error.status === 401)) throw error; // without a session the request says so itself
    }
    return this.#csrf ?? "";
  }

  #refreshCookies() {
    const refresh = async () => {
      const headers = { "X-CSRF-Token": await this.#csrfToken() };
      try {
        await this.call("POST", "/auth/refresh", undefined, { anonymous: true, headers });
      } catch (error) {
        if (error instanceof LatchkeyError && error.status === 401) this.#announce("expired");
        throw error;
      }
      this.#announce("refreshed");
      return null;
    };
    return (this.#flight ??= refresh().finally(() => (this.#flight = undefined)));
  }

  /** Milliseconds until the access token expires; 0 if the clock of the device was set back meanwhile. @param {Kept} kept */
  #left(kept) {
    if (kept.access_token === this.#own.token) return this.#own.ends - performance.now();
    return Date.now() < kept.got ? 0 : kept.ends - Date.now();
  }

  /** One refresh at a time. @param {string} [used] the access token that was refused: if the kept one is another, it is taken @returns {Promise<Kept | null>} */
  #refresh(used) {
    return (this.#flight ??= this.#refreshTokens(used).finally(() => (this.#flight = undefined)));
  }

  /** @param {string} [used] */
  async #refreshTokens(used) {
    const before = await this.#load();
    if (!before || (used && before.access_token !== used && this.#left(before) > 0)) return before;
    if (this.#refused && Date.now() < this.#waitUntil) throw this.#refused;
    // The key is kept before the request is sent, so that a reload or a lost answer repeats this very request. It is random:
    // a key made of the token would also be known to a thief of the token, whose use would then never show.
    const key = before.key ?? random();
    if (!before.key) {
      if ((await this.#load())?.refresh_token !== before.refresh_token) return this.#load(); // another tab was faster
      await this.#save({ ...before, key });
    }
    try {
      const tokens = await this.call("POST", "/auth/refresh", { refresh_token: before.refresh_token }, { anonymous: true, headers: { "Idempotency-Key": key } });
      if ((await this.#load())?.refresh_token === before.refresh_token) await this.#keep(tokens, "refreshed");
      return this.#load();
    } catch (error) {
      const now = await this.#load();
      if (now && now.refresh_token !== before.refresh_token) return now; // another tab was faster
      if (error instanceof LatchkeyError && error.status === 401) await this.#forget("expired");
      if (error instanceof LatchkeyError && error.retryAfter) {
        this.#refused = error;
        this.#waitUntil = Date.now() + error.retryAfter * 1000;
      }
      throw error;
    }
  }

  /** @param {string} path @param {object} body @returns {Promise<SignInResult>} */
  async #enter(path, body) {
    // A device that was signed in before keeps its own allowance of attempts, which strangers cannot use up.
    const last = this.transport === "bearer" && ((await this.#load())?.refresh_token ?? (await this.storage.get(`${NAME}.last`)));
    const headers = last ? { Authorization: `Bearer ${last}` } : undefined;
    const answer = await this.call("POST", `${path}?transport=${this.transport}`, body, { anonymous: true, headers });
    if (!answer.token_type) return { signedIn: false, ...answer };
    if (answer.trusted_device_token) await this.storage.set(`${NAME}.trusted`, answer.trusted_device_token);
    this.#csrf = answer.csrf_token;
    if (this.transport === "bearer") await this.#keep(answer, "signed-in");
    else this.#announce("signed-in");
    return { signedIn: true };
  }

  /** @param {string} path @param {object} [body] @param {object} [how] */
  async #credential(path, body, how) {
    const { publicKey } = await this.call("POST", path, body, { anonymous: path.startsWith("/auth/passkey") });
    const options = { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), ...how };
    return /** @type {any} */ (await navigator.credentials.get(options)).toJSON();
  }

  /** @returns {Promise<Kept | null>} */
  async #load() {
    if (this.transport === "cookie") return null;
    try {
      const kept = await this.storage.get(NAME);
      if (kept) return JSON.parse(kept);
    } catch {
      // of a storage that refuses, or a value of somebody else
    }
    return this.#unsaved ?? null;
  }

  /** @param {Kept} kept */
  async #save(kept) {
    this.#unsaved = undefined;
    try {
      await this.storage.set(NAME, JSON.stringify(kept));
    } catch {
      this.#unsaved = kept; // the storage is full or refuses: this tab stays signed in until it is closed
      await Promise.resolve(this.storage.remove(NAME)).catch(() => {});
    }
  }

  /** @param {{ access_token: string, refresh_token: string, expires_in: number }} tokens @param {ChangeEvent} event */
  async #keep({ access_token, refresh_token, expires_in }, event) {
    const got = Date.now();
    this.#own = { token: access_token, ends: performance.now() + expires_in * 1000 };
    await this.#save({ access_token, refresh_token, got, ends: got + expires_in * 1000 });
    this.#announce(event);
    this.#schedule();
  }

  /** @param {ChangeEvent} event */
  async #forget(event) {
    const last = (await this.#load())?.refresh_token;
    this.#unsaved = this.#csrf = undefined;
    clearTimeout(this.#timer);
    if (last) await Promise.resolve(this.storage.set(`${NAME}.last`, last)).catch(() => {});
    await this.storage.remove(NAME);
    this.#announce(event);
  }

  /** @template T @param {T} answer */
  #changed(answer) {
    this.#announce("account-changed");
    return answer;
  }

  /** Tells this tab and the others. @param {ChangeEvent} event */
  #announce(event) {
    this.#tell(event);
    this.#mark().then((mark) => this.#channel?.postMessage({ event, mark }));
  }

  /** Tells what another tab did, once this one sees what that one has stored: a message may be faster than localStorage. @param {{ event: ChangeEvent, mark: string | null }} heard */
  async #hear({ event, mark }) {
    for (let tries = 0; tries < 50 && (await this.#mark()) !== mark; tries++) await new Promise((go) => setTimeout(go, 20));
    this.#tell(event);
    this.#schedule();
  }

  async #mark() {
    return (await this.#load())?.refresh_token.slice(-16) ?? null;
  }

  /** @param {ChangeEvent} event */
  #tell(event) {
    if (event === "signed-in" || event === "signed-out" || event === "expired") this.#csrf = undefined;
    for (const listener of this.#listeners) queueMicrotask(() => listener(event)); // outside of what is going on here
  }

  /** Refreshes shortly before the token expires, while the page is visible. */
  async #schedule() {
    clearTimeout(this.#timer);
    const kept = browser && document.visibilityState === "visible" ? await this.#load() : null;
    if (!kept) return;
    const wait = Math.min(Math.max(this.#left(kept) - EARLY * 1000, 1000), 2 ** 31 - 1);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.token().catch(() => {}), wait);
  }
}

/** @param {Response} response */
async function read(response) {
  const text = await response.text();
  /** @type {any} */ let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // a page of a proxy
  }
  if (response.ok) return answer;
  throw new LatchkeyError(answer?.code ? answer : { code: "unexpected", detail: `The service answered with status ${response.status}.` }, response);
}
