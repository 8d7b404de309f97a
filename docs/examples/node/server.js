// A small API that accepts Latchkey's access tokens. It fetches the public keys and checks tokens offline.
//
// Run it:
//
//     npm ci
//     ISSUER=http://localhost:8000 PORT=9001 npm start

import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER = "http://localhost:8000", PORT = "9001" } = process.env;
const RULES = {
  issuer: ISSUER,
  audience: "latchkey", // JWT_AUDIENCE of the issuer
  typ: "at+jwt",
  algorithms: ["ES256", "EdDSA", "RS256"],
  clockTolerance: 30,
  requiredClaims: ["exp", "sub"],
};
// With these the token may be valid: the issuer did not answer, or not with keys.
const ISSUER_UNAVAILABLE = ["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"];

let keys;

/** The issuer's public keys: cached for five minutes, fetched again earlier if a token names a new one. */
async function findKeys() {
  const answer = await fetch(`${ISSUER}/.well-known/oauth-authorization-server`, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${ISSUER} answers ${answer.status}`);
  const found = await answer.json();
  if (found.issuer !== ISSUER) throw new Error(`ISSUER is ${ISSUER}, but its metadata says ${found.issuer}`);
  return createRemoteJWKSet(new URL(found.jwks_uri), { cacheMaxAge: 300_000, cooldownDuration: 2_000 });
}

const MAX_AGE = 300; // seconds since the second factor was shown
const STRONGER = `Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="${MAX_AGE}"`;

const NEEDED = "articles.read";
const FORBIDDEN = `Bearer error="insufficient_scope", scope="${NEEDED}"`; // RFC 6750, 3.1

const ROUTES = {
  "/hello": (claims) => [200, { hello: claims.sub, roles: claims.roles }],
  // For people who have shown a second factor in the last five minutes (RFC 9470)
  "/secret": ({ sub, acr, auth_time }) =>
    acr === "aal2" && Date.now() / 1000 - auth_time <= MAX_AGE
      ? [200, { secret: sub }]
      : [401, { error: "Enter a code of your authenticator app." }, { "WWW-Authenticate": STRONGER }],
  // For people who have the permission `articles.read`. ROLE_PERMISSIONS of the issuer gives it to roles.
  "/articles": ({ permissions = [] }) =>
    permissions.includes(NEEDED)
      ? [200, { articles: [], may_write: permissions.includes("articles.write") }]
      : [403, { error: `You need the permission ${NEEDED}.` }, { "WWW-Authenticate": FORBIDDEN }],
  // What administrators of the issuer have stored about the account; without any, the token has no `claims`.
  "/plan": ({ claims = {} }) => [200, { plan: claims.plan ?? "free" }],
};

/** Status, body and headers of the response of a route to an Authorization header. */
async function answer(route, authorization = "") {
  const [scheme, token = ""] = authorization.split(/ (.*)/);
  if (scheme.toLowerCase() !== "bearer") return [401, { error: "Sign in first." }, { "WWW-Authenticate": "Bearer" }];
  try {
    keys ??= await findKeys();
    const { payload } = await jwtVerify(token, keys, RULES);
    return route(payload);
  } catch (error) {
    if (error instanceof errors.JOSEError && !ISSUER_UNAVAILABLE.includes(error.code))
      return [401, { error: "Invalid access token." }, { "WWW-Authenticate": 'Bearer error="invalid_token"' }];
    console.error(error);
    return [503, { error: "Try again later." }, { "Retry-After": "5" }];
  }
}

const server = createServer(async (request, response) => {
  const route = request.method === "GET" && ROUTES[request.url.split("?")[0]];
  const [status, body, headers] = route ? await answer(route, request.headers.authorization) : [404, { error: "Not found." }];
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
});
server.listen(PORT, "127.0.0.1", () => console.log(`Listening on http://127.0.0.1:${server.address().port}/hello`));
