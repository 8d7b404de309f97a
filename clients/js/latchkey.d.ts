/** Keeps tokens until the page is closed. @returns {Storage} */
export function memoryStorage(): Storage;
/** Keeps tokens in localStorage, which all tabs share and every script of the page can read. @returns {Storage} */
export function browserStorage(area?: globalThis.Storage): Storage;
/** An error response of the service (RFC 9457), or `network` for a request that got none. Branch on `code`. */
export class LatchkeyError extends Error {
    /** @param {Record<string, any>} problem @param {Response} [response] */
    constructor(problem: Record<string, any>, response?: Response);
    /** @type {string} */ code: string;
    /** @type {number} */ status: number;
    /** @type {FieldError[]} */ errors: FieldError[];
    /** Seconds to wait before the next attempt. @type {number | undefined} */
    retryAfter: number | undefined;
    /** @type {string | undefined} */ requestId: string | undefined;
    /** How to go on, if the code is `second_factor_required`. @type {SecondFactorStep | undefined} */
    secondFactor: SecondFactorStep | undefined;
    /** The token to link an identity with, if the code is `identity_link_required`. @type {string | undefined} */
    linkToken: string | undefined;
}
export class Latchkey {
    /** @param {Options} [options] */
    constructor({ url, storage, transport, apis, fetch: send, onReauthenticate }?: Options);
    url: string;
    storage: Storage;
    transport: "bearer" | "cookie";
    onReauthenticate: (() => Promise<unknown>) | undefined;
    send: typeof fetch;
    origins: string[];
    /** Calls `listener` after each change, also by another tab. @param {(event: ChangeEvent) => unknown} listener @returns {() => void} stops it */
    onChange(listener: (event: ChangeEvent) => unknown): () => void;
    /** Stops the timer and the connection to other tabs. */
    close(): void;
    /**
     * Sends a request to the API: `call("GET", "/account/sessions")`. @param {string} method @param {string} path @param {unknown} [body]
     * @param {{ anonymous?: boolean, headers?: Record<string, string> }} [how] @returns {Promise<any>} the body of the response; null if it has none
     */
    call(method: string, path: string, body?: unknown, how?: {
        anonymous?: boolean;
        headers?: Record<string, string>;
    }): Promise<any>;
    /**
     * `fetch` with the access token, for the API and for your own APIs in `apis`. After a 401 it refreshes and sends the request once
     * more. Other origins get no token. @param {RequestInfo | URL} input @param {RequestInit} [init] @returns {Promise<Response>}
     */
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
    /** The access token, refreshed if it expires soon; null if no one is signed in. @returns {Promise<string | null>} */
    token(): Promise<string | null>;
    /** Whether this client keeps a session. With cookies only `account()` knows. */
    isSignedIn(): Promise<boolean>;
    /** @param {{ email: string, password: string }} given @returns {Promise<SignInResult>} `signedIn` is false if an email must be confirmed first */
    signUp(given: {
        email: string;
        password: string;
    }): Promise<SignInResult>;
    /** Raises `second_factor_required` with `error.secondFactor`: go on with `secondFactor`. @param {{ email: string, password: string }} given */
    signIn(given: {
        email: string;
        password: string;
    }): Promise<SignInResult>;
    /** @param {{ conditional?: boolean, signal?: AbortSignal }} [how] `conditional`: offer passkeys in the autofill of a field */
    signInWithPasskey({ conditional, signal }?: {
        conditional?: boolean;
        signal?: AbortSignal;
    }): Promise<SignInResult>;
    /** Sends an email with a link and a code. @param {string} email */
    signInWithEmail(email: string): Promise<{
        expires_in: any;
    }>;
    /** Signs in with the code or the link of that email. @param {{ code: string } | { token: string, otherDevice?: boolean }} given */
    finishEmail(given: {
        code: string;
    } | {
        token: string;
        otherDevice?: boolean;
    }): Promise<SignInResult>;
    /** Goes on after `second_factor_required`. @param {{ token: string, code?: string, recoveryCode?: string, passkey?: boolean, trustDevice?: boolean }} given */
    secondFactor({ token, code, recoveryCode, passkey, trustDevice }: {
        token: string;
        code?: string;
        recoveryCode?: string;
        passkey?: boolean;
        trustDevice?: boolean;
    }): Promise<SignInResult>;
    /** Leads the browser to an identity provider, or without one to the sign-in page of the service. @param {string | null} provider @param {{ redirectTo: string }} to */
    signInWith(provider: string | null, { redirectTo }: {
        redirectTo: string;
    }): Promise<string>;
    /** Finishes `signInWith` on the page at `redirectTo`, and clears the address bar. @param {string} [url] @returns {Promise<SignInResult | null>} null if the URL has no answer */
    finishRedirect(url?: string): Promise<SignInResult | null>;
    /** Ends this session, all `others` of the account, or `all`. Without an answer of the service the tokens are forgotten all the same. @param {"this" | "others" | "all"} [scope] */
    signOut(scope?: "this" | "others" | "all"): Promise<void>;
    /** Proves again who is signed in. @param {{ password: string } | { code: string } | { recovery_code: string } | { email_code: string, attempt: string } | { passkey: true }} given */
    reauthenticate(given: {
        password: string;
    } | {
        code: string;
    } | {
        recovery_code: string;
    } | {
        email_code: string;
        attempt: string;
    } | {
        passkey: true;
    }): Promise<void>;
    /** @returns {Promise<Account>} */
    account(): Promise<Account>;
    /** @param {{ first_name?: string | null, last_name?: string | null, locale?: string | null }} changes @returns {Promise<Account>} */
    updateAccount(changes: {
        first_name?: string | null;
        last_name?: string | null;
        locale?: string | null;
    }): Promise<Account>;
    /** @param {{ password: string, current_password?: string }} given */
    changePassword(given: {
        password: string;
        current_password?: string;
    }): Promise<any>;
    /** Sends an email to the new address; then `confirmEmail`. @param {{ email: string, password?: string }} given */
    changeEmail(given: {
        email: string;
        password?: string;
    }): Promise<any>;
    /** @param {{ code: string } | { token: string }} given */
    confirmEmail(given: {
        code: string;
    } | {
        token: string;
    }): Promise<any>;
    /** @param {string} email */
    forgotPassword(email: string): Promise<any>;
    /** @param {{ reset_token: string, password: string } | { email: string, code: string, password: string }} given */
    resetPassword(given: {
        reset_token: string;
        password: string;
    } | {
        email: string;
        code: string;
        password: string;
    }): Promise<any>;
    /** @param {{ token: string } | { email: string, code: string }} given */
    verifyEmail(given: {
        token: string;
    } | {
        email: string;
        code: string;
    }): Promise<any>;
    /** @param {string} [email] may be left out by somebody who is signed in */
    resendVerification(email?: string): Promise<any>;
    /** Events of the account, newest first, as many as are asked for. */
    activity(): AsyncGenerator<any, void, any>;
    exportData(): Promise<any>;
    /** Schedules the deletion. @param {string} [password] unless recently authenticated */
    deleteAccount(password?: string): Promise<void>;
    sessions: {
        /** @returns {Promise<any[]>} */ list: () => Promise<any[]>;
        /** @param {string} id */ end: (id: string) => Promise<any>;
    };
    passkeys: {
        /** @returns {Promise<any[]>} */ list: () => Promise<any[]>;
        /** Creates a passkey in the browser. @param {string} [name] */
        add: (name?: string) => Promise<any>;
        /** @param {number} id @param {string} name */ rename: (id: number, name: string) => Promise<any>;
        /** @param {number} id */ remove: (id: number) => Promise<any>;
    };
    factors: {
        list: () => Promise<any>;
        /** The secret and QR code of an authenticator app; then `confirm`. @param {{ name?: string, password?: string }} [given] */
        addTotp: (given?: {
            name?: string;
            password?: string;
        }) => Promise<any>;
        /** @param {number} id @param {string} code @returns {Promise<{ recovery_codes: string[] }>} */
        confirm: (id: number, code: string) => Promise<{
            recovery_codes: string[];
        }>;
        /** @param {number} id */ remove: (id: number) => Promise<any>;
        newRecoveryCodes: () => Promise<any>;
    };
    identities: {
        /** @returns {Promise<any[]>} */ list: () => Promise<any[]>;
        /** @param {{ link_token: string } | { code: string, code_verifier: string } | { provider: string, id_token: string, nonce?: string }} proof */
        link: (proof: {
            link_token: string;
        } | {
            code: string;
            code_verifier: string;
        } | {
            provider: string;
            id_token: string;
            nonce?: string;
        }) => Promise<any>;
        /** @param {number} id */ unlink: (id: number) => Promise<any>;
    };
    #private;
}
export type Storage = {
    get(name: string): string | null | undefined | Promise<string | null | undefined>;
    set(name: string, value: string): unknown;
    remove(name: string): unknown;
};
export type ChangeEvent = "signed-in" | "refreshed" | "account-changed" | "signed-out" | "expired";
export type Kept = {
    refresh_token: string;
    access_token: string;
    got: number;
    ends: number;
    key?: string;
};
export type FieldError = {
    field: string;
    code: string;
    message: string;
};
export type SecondFactorStep = {
    token: string;
    expires_in: number;
    methods: string[];
};
export type Account = {
    id: string;
    email: string;
    email_verified: boolean;
    first_name: string | null;
    last_name: string | null;
    locale: string | null;
    roles: string[];
    permissions: string[];
    claims: Record<string, unknown>;
    has_password: boolean;
    has_second_factor: boolean;
    created_at: string;
    updated_at: string;
};
export type SignInResult = {
    signedIn: true;
} | {
    signedIn: false;
    message: string;
    attempt?: string;
    link_token?: string;
};
export type Options = {
    /**
     * the origin of the service, and its path if it has one; by default that of this page
     */
    url?: string | undefined;
    /**
     * where tokens are kept; by default in memory, which a reload clears
     */
    storage?: Storage | undefined;
    /**
     * `cookie`: HttpOnly cookies of the service, which scripts cannot read
     */
    transport?: "bearer" | "cookie" | undefined;
    /**
     * origins of your own APIs, to which `fetch` sends the access token
     */
    apis?: string[] | undefined;
    fetch?: typeof fetch | undefined;
    /**
     * asks the person to reauthenticate; the request is then repeated
     */
    onReauthenticate?: (() => Promise<unknown>) | undefined;
};
