/**
 * Gives the components below the account that is signed in. It loads the account once, and again after each change, also in another tab.
 * @param {{ client: Latchkey, children?: import("react").ReactNode }} given
 */
export function LatchkeyProvider({ client, children }: {
    client: Latchkey;
    children?: import("react").ReactNode;
}): import("react").FunctionComponentElement<import("react").ProviderProps<State | null>>;
/** The account that is signed in, or null; `loading` until that is known; `error` if the service cannot be asked. */
export function useAccount(): {
    account: import("./latchkey.js").Account | null;
    loading: boolean;
    error: unknown;
    reload: () => Promise<void>;
};
/** Whether somebody is signed in, and the client to sign in and out with. */
export function useSession(): {
    client: import("./latchkey.js").Latchkey;
    signedIn: boolean;
    loading: boolean;
    signOut: () => Promise<void>;
};
export type Latchkey = import("./latchkey.js").Latchkey;
export type Account = import("./latchkey.js").Account;
export type State = {
    client: Latchkey;
    account: Account | null;
    loading: boolean;
    error: unknown;
    reload: () => Promise<void>;
};
