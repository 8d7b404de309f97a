// Starts Swagger UI. A sign-in that is tried out here stays active: its tokens are filled in under Authorize.
"use strict";
const place = document.getElementById("swagger-ui");
const banner = document.getElementById("signed-in");
const schemes = { access_token: "bearerAuth", refresh_token: "refreshToken" };
let lastRequest = 0;

const csrfToken = () => /latchkey_csrf=([^;]+)/.exec(document.cookie)?.[1];
const authorized = (scheme) => window.ui.authSelectors.authorized().getIn([scheme, "value"]);
const forgetTokens = () => window.ui.authActions.logoutWithPersistOption(Object.values(schemes).filter(authorized));

function addCredential(request) {
  if (/"refresh_token"\s*:\s*"/.test(request.body)) delete request.headers.Authorization; // a typed token takes precedence
  const header = request.headers.Authorization;
  if (header && !header.includes(" ")) request.headers.Authorization = `Bearer ${header}`; // a bare token was pasted
  if (header || /"refresh_token"/.test(request.body)) {
    request.credentials = "omit"; // cookies of an earlier sign-in would be a second credential
  } else if (csrfToken() && request.method !== "GET") {
    request.headers["X-CSRF-Token"] = csrfToken();
  }
  return request;
}

function handleResponse(answer) {
  const ours = new URL(answer.url, location).origin === location.origin;
  if (!ours || answer.url.endsWith(place.dataset.spec)) return answer;
  try {
    const body = JSON.parse(answer.text);
    if (answer.ok && body.token_type) keepTokens(body);
  } catch {
    // not JSON
  }
  showAccount();
  return answer;
}

function keepTokens(body) {
  if (body.token_type === "Cookie") {
    forgetTokens();
    return;
  }
  window.ui.preauthorizeApiKey(schemes.access_token, body.access_token);
  window.ui.preauthorizeApiKey(schemes.refresh_token, `Bearer ${body.refresh_token}`);
  window.ui.authActions.persistAuthorizationIfNeeded(); // pre-authorizing does not store it
}

// Asks the service, because a reset, another sign-out or expiry may have ended the session.
async function showAccount() {
  const number = ++lastRequest;
  const token = authorized(schemes.access_token);
  if (!token && !csrfToken()) {
    banner.textContent = "";
    return;
  }
  const sent = token ? { credentials: "omit", headers: { Authorization: `Bearer ${token}` } } : {};
  try {
    const answer = await fetch(place.dataset.account, sent);
    const body = await answer.json();
    if (number === lastRequest) showAnswer(answer, body, token);
  } catch {
    // the service does not respond: keep the text
  }
}

function showAnswer(answer, body, token) {
  if (answer.ok) {
    banner.textContent = `Signed in as ${body.email}: ` + (token ? "the tokens are under Authorize" : "by cookies");
  } else if (body.code === "token_expired") {
    banner.textContent = "The access token has expired: execute refresh";
  } else if (answer.status === 401) {
    banner.textContent = "";
    if (token) {
      forgetTokens();
      showAccount(); // there may be cookies
    }
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

// Cookies cannot be typed in: the dialog shows only schemes that have a value.
const withoutCookies = (definitions) => (...given) => definitions(...given)?.filter((one) => !one.has("cookieAuth"));

window.ui = SwaggerUIBundle({
  url: place.dataset.spec,
  domNode: place,
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [{ statePlugins: { auth: { wrapSelectors: { definitionsToAuthorize: withoutCookies } } } }],
  validatorUrl: null, // the default sends the document to a host of Swagger's
  queryConfigEnabled: false, // ?url= would show another document under this host name
  tryItOutEnabled: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  requestInterceptor: addCredential,
  responseInterceptor: handleResponse,
  onComplete: showAccount,
});
