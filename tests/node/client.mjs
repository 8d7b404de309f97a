// What docs/quickstart-nextjs.md does on a server, in Node: open the sign-in page, exchange the code, refresh.
import assert from "node:assert/strict";
import { Latchkey, LatchkeyError, memoryStorage } from "../../clients/js/latchkey.js";

const [service, email, password] = process.argv.slice(2);
const storage = memoryStorage();
const client = new Latchkey({ url: service, storage });
assert.equal(await client.token(), null);
await assert.rejects(client.account(), (error) => error instanceof LatchkeyError && error.code === "unauthenticated");

// A browser, by hand: the sign-in page of the service, which ends at the app with a code.
const jar = new Map();
async function browse(url, form) {
  const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "), origin: service };
  const answer = await fetch(url, { method: form ? "POST" : "GET", body: form && new URLSearchParams(form), headers, redirect: "manual" });
  for (const line of answer.headers.getSetCookie()) {
    const [pair] = line.split(";"), end = pair.indexOf("=");
    if (pair.length > end + 1) jar.set(pair.slice(0, end), pair.slice(end + 1));
    else jar.delete(pair.slice(0, end));
  }
  return answer;
}
const target = await client.signInWith(null, { redirectTo: "http://localhost:3000/auth/callback" });
assert.equal((await browse(target)).status, 200);
assert.equal((await browse(`${service}/sign-in`, { email, password })).status, 303);
const page = await (await browse(`${service}/sign-in/done`)).text();
const back = /content="0; url=([^"]+)"/.exec(page)[1].replaceAll("&amp;", "&");

assert.deepEqual(await client.finishRedirect(back), { signedIn: true });
assert.equal((await client.account()).email, email);
const before = JSON.parse(storage.get("latchkey"));
storage.set("latchkey", JSON.stringify({ ...before, access_token: "x.y.z", got: 0, ends: 0 }));
assert.equal((await client.account()).email, email);
assert.notEqual(JSON.parse(storage.get("latchkey")).refresh_token, before.refresh_token);
await assert.rejects(client.finishRedirect(back), (error) => error.code === "provider_flow_invalid");
const events = [];
for await (const event of client.activity()) events.push(event.event);
assert.ok(events.includes("session.opened"));
await client.signOut();
assert.equal(await client.isSignedIn(), false);
console.log("ok");
