// Starts Swagger UI. Tokens that a try-out brings (sign-up, sign-in, refresh) go into Authorize by themselves.
"use strict";
const place = document.getElementById("swagger-ui");
const schemes = { access_token: "bearerAuth", refresh_token: "refreshToken" };

function keepTokens(answer) {
  if (!answer.ok || !answer.text || new URL(answer.url, location).origin !== location.origin) return answer;
  try {
    const body = JSON.parse(answer.text);
    const found = Object.keys(schemes).filter((name) => typeof body[name] === "string");
    found.forEach((name) => window.ui.preauthorizeApiKey(schemes[name], body[name]));
    if (found.length === 0) return answer;
    window.ui.authActions.persistAuthorizationIfNeeded(); // pre-authorizing leaves that to us
    document.getElementById("signed-in").textContent = "Signed in: the tokens are under Authorize";
  } catch {
    // not JSON: nothing to keep
  }
  return answer;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

window.ui = SwaggerUIBundle({
  url: place.dataset.spec,
  domNode: place,
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null, // the default sends the document to a host of Swagger's
  queryConfigEnabled: false, // ?url= would show a stranger's document under our name
  tryItOutEnabled: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  responseInterceptor: keepTokens,
});
