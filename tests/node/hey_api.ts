// Uses the client that @hey-api/openapi-ts makes: a new name erases nothing, and a refresh gets the refresh token.
import { client } from "./hey_api/client.gen";
import { updateAccount, refresh, resendVerification, getAccount, signup } from "./hey_api/sdk.gen";

declare const process: { argv: string[] };
const throwOnError = true;
let accessToken: string | undefined;

client.setConfig({
  baseUrl: process.argv[2]!,
  auth: ({ type, scheme }) => (type === "http" && scheme === "bearer" ? accessToken : undefined),
});

async function main(): Promise<void> {
  const body = { email: "hey-api@example.com", password: "correct horse battery" };
  const { data: signedUp } = await signup({ body, throwOnError });
  if (!("refresh_token" in signedUp)) throw new Error("nobody is signed in");
  accessToken = signedUp.access_token;
  await updateAccount({ body: { first_name: "Ann", last_name: "Lee", locale: "de" }, throwOnError });
  await updateAccount({ body: { first_name: "Kim" }, throwOnError });
  await resendVerification({ throwOnError });
  const inBody = await refresh({ body: { refresh_token: signedUp.refresh_token! }, throwOnError });
  const headers = { Authorization: `Bearer ${inBody.data.refresh_token}` };
  const inHeader = await refresh({ headers, throwOnError });
  accessToken = inHeader.data.access_token;
  const { data: account } = await getAccount({ throwOnError });
  console.log(JSON.stringify(account));
}

void main();
