import { useSession } from "@latchkey/client/react";
import { useState } from "react";

export function SignIn() {
  const { client } = useSession();
  const [step, setStep] = useState({ name: "password" });
  const [problem, setProblem] = useState(null);

  /** Runs one way to sign in, and shows what comes next. */
  const run = (work) => async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      const result = await work(Object.fromEntries(new FormData(event.target.form ?? event.target)));
      if (result?.signedIn === false) setStep({ name: "mailbox", message: result.message });
    } catch (error) {
      if (error.secondFactor) setStep({ name: "second", ...error.secondFactor });
      else setProblem(error.message);
    }
  };

  if (step.name === "mailbox") return <main><h1>Check your mailbox</h1><p>{step.message}</p></main>;
  if (step.name === "second") {
    return (
      <main>
        <h1>One more step</h1>
        {problem && <p role="alert">{problem}</p>}
        <form onSubmit={run(({ code }) => client.secondFactor({ token: step.token, code }))}>
          <label>Code from your authenticator app <input name="code" inputMode="numeric" autoComplete="one-time-code" required autoFocus /></label>
          <button>Sign in</button>
        </form>
      </main>
    );
  }
  if (step.name === "emailed") {
    return (
      <main>
        <h1>Check your mailbox</h1>
        {problem && <p role="alert">{problem}</p>}
        <form onSubmit={run(({ code }) => client.finishEmail({ code }))}>
          <label>Code from the email <input name="code" autoComplete="one-time-code" required autoFocus /></label>
          <button>Sign in</button>
        </form>
      </main>
    );
  }
  const sendEmail = run(async ({ email }) => {
    await client.signInWithEmail(email);
    setStep({ name: "emailed" });
  });
  return (
    <main>
      <h1>Notes</h1>
      {problem && <p role="alert">{problem}</p>}
      <form onSubmit={run((given) => client.signIn(given))}>
        <label>Email address <input name="email" type="email" autoComplete="username webauthn" required /></label>
        <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
        <button>Sign in</button>
        <button type="button" className="plain" onClick={run((given) => client.signUp(given))}>Create an account</button>
        <button type="button" className="plain" onClick={sendEmail}>Email me a code</button>
        <button type="button" className="plain" onClick={run(() => client.signInWithPasskey())}>Use a passkey</button>
      </form>
      <p><a href="#forgot">Forgot your password?</a></p>
    </main>
  );
}
