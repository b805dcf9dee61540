// The request of the form, to paste elsewhere.

import { ask } from "./api.js";
import { copyButton, h, page } from "./dom.js";
import { shellWord } from "./plan.js";
import { t } from "./words.js";

export function codePanel(panel, { path, operation, request }) {
  const kinds = { curl: curl, python: python, json: json };
  const choice = h(
    "select",
    { id: "code-kind" },
    [...Object.keys(kinds), "n8n"].map((name) => h("option", { value: name }, t(`code_${name}`))),
  );
  const code = h("code");
  const copy = copyButton(() => code.textContent, t("copy"));
  const save = h(
    "a",
    { class: "button small", hidden: true, download: `apigpu-${operation}.n8n.json` },
    t("download"),
  );
  const note = h("p", { class: "help" });
  panel.replaceChildren(
    h(
      "div",
      { class: "code" },
      h("div", { class: "code-head" }, h("label", { for: "code-kind" }, t("code_for")), choice, save, copy),
      h("pre", { tabindex: 0 }, code),
    ),
    note,
  );
  const address = `${location.origin}${page.root}${path}`;

  const draw = async () => {
    const kind = choice.value;
    save.hidden = kind !== "n8n";
    note.textContent = t(`code_${kind}_help`);
    if (kind !== "n8n") {
      code.textContent = kinds[kind](address, request().value);
      return;
    }
    const link = `/operations/${operation}/n8n.json`;
    save.href = page.root + link;
    try {
      const text = await (await ask("GET", link)).text();
      if (choice.value === "n8n") code.textContent = text;
    } catch (error) {
      code.textContent = "";
      note.textContent = error.message;
    }
  };
  choice.addEventListener("change", draw);
  return draw;
}

const json = (address, value) => JSON.stringify(value, null, 2);

export function curl(address, value) {
  const lines = [`curl ${shellWord(address)}`, "-H 'Content-Type: application/json'"];
  if (page.usesKeys) lines.push('-H "X-API-Key: $APIGPU_API_KEY"');
  lines.push(`-d ${quotedShell(JSON.stringify(value, null, 2))}`);
  return lines.join(" \\\n  ");
}

const quotedShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function python(address, value) {
  const imports = page.usesKeys ? "import os\nimport time" : "import time";
  const key = page.usesKeys ? 'session.headers["X-API-Key"] = os.environ["APIGPU_API_KEY"]\n' : "";
  return `${imports}

import requests

session = requests.Session()
${key}answer = session.post(
    ${literal(address)},
    json=${literal(value, 1)},
)
answer.raise_for_status()
job = answer.json()
while job["status"] in {"IN_QUEUE", "IN_PROGRESS"}:
    time.sleep(2)
    job = session.get(job["links"]["self"]).json()
print(job["status"], job["video_url"] or job["message"])
`;
}

/** A JSON value as Python writes it. */
function literal(value, depth = 0) {
  const inner = "    ".repeat(depth + 1);
  const outer = "    ".repeat(depth);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => literal(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${literal(item, depth + 1)}`);
  const [open, close] = isList ? "[]" : "{}";
  return parts.length
    ? `${open}\n${parts.map((part) => `${inner}${part},\n`).join("")}${outer}${close}`
    : open + close;
}
