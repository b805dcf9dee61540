// The REST API, as any client uses it.

import { page } from "./dom.js";
import { t } from "./words.js";

/** An answer that is not a success. `errors` are {path, message, remedy}. */
export class Problem extends Error {
  constructor(document, status) {
    super(document.message ?? document.detail ?? document.title ?? t("unexpected", { status }));
    this.status = status;
    this.code = document.code ?? "";
    this.remedy = document.remedy ?? "";
    this.errors = document.errors ?? [];
  }
}

/** Links in answers may name the server by another of its names: their path is what counts. */
function url(path) {
  if (!path.startsWith("http")) return page.root + path;
  const { pathname, search } = new URL(path);
  return pathname + search;
}

/** Asks the server. Throws Problem, also where it cannot be reached; an abort throws AbortError. */
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const sent = { method, headers: { Accept: "application/json", ...headers }, signal, credentials: "same-origin" };
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(url(path), sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ message: t("unreachable") }, 0);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** What went wrong and what to do: some messages end with the remedy already. */
export function sentenceOf({ message, remedy }) {
  return remedy && !message.includes(remedy) ? `${message} ${remedy}` : message;
}

export const askJson = async (method, path, options) => (await ask(method, path, options)).json();

async function problemOf(response) {
  if (response.status === 401) toLogin();
  const text = await response.text();
  return new Problem(parsed(text) ?? { message: t("unexpected", { status: response.status }) }, response.status);
}

function toLogin() {
  const here = location.pathname.slice(page.root.length);
  location.assign(`${page.root}/login?next=${encodeURIComponent(here)}`);
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** Sends a file to POST /uploads; its URL. `onProgress` is told a share from 0 to 1. */
export function upload(file, { onProgress, signal } = {}) {
  // XMLHttpRequest, since fetch does not tell how far sending is.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url("/uploads"));
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const document = parsed(request.responseText);
      const isDone = request.status >= 200 && request.status < 300 && document?.url;
      if (request.status === 401) toLogin();
      if (isDone) resolve(document);
      else reject(new Problem(document ?? {}, request.status));
    });
    request.addEventListener("error", () => reject(new Problem({ message: t("unreachable") }, 0)));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}
