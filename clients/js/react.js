// React hooks for the Latchkey client. MIT licence.

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useState } from "react";

/** @typedef {import("./latchkey.js").Latchkey} Latchkey */
/** @typedef {import("./latchkey.js").Account} Account */
/** @typedef {{ client: Latchkey, account: Account | null, loading: boolean, error: unknown, reload: () => Promise<void> }} State */

const Context = createContext(/** @type {State | null} */ (null));

/**
 * Gives the components below the account that is signed in. It loads the account once, and again after each change, also in another tab.
 * @param {{ client: Latchkey, children?: import("react").ReactNode }} given
 */
export function LatchkeyProvider({ client, children }) {
  const [found, setFound] = useState({ account: /** @type {Account | null} */ (null), loading: true, error: /** @type {unknown} */ (null) });

  const load = useCallback(
    async (/** @type {() => boolean} */ isCurrent) => {
      const set = (/** @type {Partial<typeof found>} */ changes) => isCurrent() && setFound((before) => ({ ...before, loading: false, ...changes }));
      try {
        const known = client.transport === "cookie" || (await client.isSignedIn());
        set({ account: known ? await client.account() : null, error: null });
      } catch (error) {
        const over = /** @type {any} */ (error)?.status === 401;
        set(over ? { account: null, error: null } : { error }); // without the network the account of before stays
      }
    },
    [client],
  );

  useEffect(() => {
    let current = true;
    const isCurrent = () => current;
    load(isCurrent);
    const stop = client.onChange((event) => {
      if (event === "signed-out" || event === "expired") setFound({ account: null, loading: false, error: null });
      else if (event !== "refreshed") load(isCurrent);
    });
    return () => {
      current = false;
      stop();
    };
  }, [client, load]);

  const state = useMemo(() => ({ client, ...found, reload: () => load(() => true) }), [client, found, load]);
  return createElement(Context.Provider, { value: state }, children);
}

function useLatchkey() {
  const state = useContext(Context);
  if (!state) throw new Error("Put <LatchkeyProvider client={…}> around this component.");
  return state;
}

/** The account that is signed in, or null; `loading` until that is known; `error` if the service cannot be asked. */
export function useAccount() {
  const { account, loading, error, reload } = useLatchkey();
  return { account, loading, error, reload };
}

/** Whether somebody is signed in, and the client to sign in and out with. */
export function useSession() {
  const { client, account, loading } = useLatchkey();
  return { client, signedIn: account !== null, loading, signOut: useCallback(() => client.signOut(), [client]) };
}
