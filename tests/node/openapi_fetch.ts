// Uses openapi-fetch with the types that openapi-typescript makes: a new name erases nothing.
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./openapi_fetch_types";

declare const process: { argv: string[] };
let accessToken: string | undefined;

const client = createClient<paths>({ baseUrl: process.argv[2]! });
const bearer: Middleware = {
  onRequest({ request, schemaPath }) {
    if (accessToken && schemaPath !== "/api/v1/auth/refresh") {
      request.headers.set("Authorization", `Bearer ${accessToken}`);
    }
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw new Error(await response.text());
    return response;
  },
};
client.use(bearer);

async function main(): Promise<void> {
  const body = { email: "openapi-fetch@example.com", password: "correct horse battery" };
  const { data: signedUp } = await client.POST("/api/v1/auth/signup", { body });
  if (!signedUp || !("refresh_token" in signedUp)) throw new Error("nobody is signed in");
  accessToken = signedUp.access_token;
  await client.PATCH("/api/v1/account", { body: { first_name: "Ann", last_name: "Lee", locale: "de" } });
  await client.PATCH("/api/v1/account", { body: { first_name: "Kim" } });
  await client.POST("/api/v1/verify-email/resend");
  const sent = { body: { refresh_token: signedUp.refresh_token! } };
  const { data: refreshed } = await client.POST("/api/v1/auth/refresh", sent);
  accessToken = refreshed?.access_token;
  const { data: account } = await client.GET("/api/v1/account");
  console.log(JSON.stringify(account));
}

void main();
