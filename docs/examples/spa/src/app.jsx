import { useAccount, useSession } from "@latchkey/client/react";
import { useEffect, useState } from "react";
import { Forgot, NewPassword } from "./password.jsx";
import { SignIn } from "./sign-in.jsx";

/** The view that the part of the URL after # names. */
function useView() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return hash.slice(1);
}

export function App() {
  const view = useView();
  const { account, loading, error } = useAccount();
  if (view.startsWith("token=")) return <NewPassword token={view.slice(6)} />;
  if (view === "forgot") return <Forgot />;
  if (loading) return <main aria-busy="true" />;
  if (error && !account) return <main><p role="alert">{error.message}</p></main>;
  return account ? <Home account={account} /> : <SignIn />;
}

function Home({ account }) {
  const { client, signOut } = useSession();
  const [sessions, setSessions] = useState([]);
  const [name, setName] = useState(account.first_name ?? "");
  const load = () => client.sessions.list().then(setSessions);
  useEffect(() => void load(), [client]);
  const save = (event) => {
    event.preventDefault();
    client.updateAccount({ first_name: name || null });
  };
  return (
    <main>
      <h1>Hello, {account.first_name ?? account.email}</h1>
      <form onSubmit={save}>
        <label>First name <input value={name} onChange={(event) => setName(event.target.value)} autoComplete="given-name" /></label>
        <button>Save</button>
      </form>
      <h2>Devices</h2>
      <ul>
        {sessions.map((session) => (
          <li key={session.id}>
            {session.name}{" "}
            {session.current ? <em>this one</em> : <button className="plain" onClick={() => client.sessions.end(session.id).then(load)}>Sign out</button>}
          </li>
        ))}
      </ul>
      <p><a href={`${client.url}/account`}>Passkeys, second factor and more</a></p>
      <button onClick={() => signOut()}>Sign out</button>
    </main>
  );
}
