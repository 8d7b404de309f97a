import { Latchkey, browserStorage } from "@latchkey/client";
import { LatchkeyProvider } from "@latchkey/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.jsx";

const client = new Latchkey({ url: import.meta.env.VITE_LATCHKEY_URL ?? "http://localhost:8000", storage: browserStorage() });

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <LatchkeyProvider client={client}>
      <App />
    </LatchkeyProvider>
  </StrictMode>,
);
