// Shows the key once; the server answers with a cookie.

import { byId, page } from "./dom.js";
import { showFault } from "./frame.js";
import { t } from "./words.js";

const form = byId("login");
const key = byId("key");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  const headers = { Accept: "application/json" };
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers, credentials: "same-origin" });
    if (answer.ok) return location.assign(page.root + page.next);
    const problem = await answer.json().catch(() => ({}));
    fail(answer.status === 401 ? t("login_failed") : (problem.message ?? t("unexpected", { status: answer.status })));
  } catch {
    fail(t("unreachable"));
  }
  return undefined;
});

function fail(sentence) {
  showFault(key, byId("key-fault"), sentence);
  key.select();
}
key.focus();
