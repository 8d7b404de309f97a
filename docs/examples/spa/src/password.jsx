import { useSession } from "@latchkey/client/react";
import { useState } from "react";

/** Asks for a reset email. Its link opens this app with `#token=…`, if RESET_PASSWORD_URL says so. */
export function Forgot() {
  const { client } = useSession();
  const [said, setSaid] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    try {
      setSaid((await client.forgotPassword(new FormData(event.target).get("email"))).message);
    } catch (error) {
      setSaid(error.message);
    }
  };
  return (
    <main>
      <h1>Forgot your password?</h1>
      {said && <p role="status">{said}</p>}
      <form onSubmit={send}>
        <label>Email address <input name="email" type="email" autoComplete="username" required /></label>
        <button>Send me an email</button>
      </form>
      <p><a href="#">Back</a></p>
    </main>
  );
}

export function NewPassword({ token }) {
  const { client } = useSession();
  const [problem, setProblem] = useState(null);
  const [done, setDone] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      await client.resetPassword({ reset_token: token, password: new FormData(event.target).get("password") });
      setDone(true);
    } catch (error) {
      setProblem(error.message);
    }
  };
  if (done) return <main><h1>Your password has been changed</h1><p><a href="#">Sign in</a></p></main>;
  return (
    <main>
      <h1>Choose a new password</h1>
      {problem && <p role="alert">{problem}</p>}
      <form onSubmit={save}>
        <label>New password <input name="password" type="password" autoComplete="new-password" required /></label>
        <button>Change password</button>
      </form>
    </main>
  );
}
