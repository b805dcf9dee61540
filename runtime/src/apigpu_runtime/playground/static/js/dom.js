// Elements, and small things that several pages need.

import { t } from "./words.js";

/** An element. `on` holds listeners; a boolean sets a property; what is null or undefined is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name === "on")
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (typeof value === "boolean" && name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

let made = 0;
export const freshId = () => `e${++made}`;

/** What the server wrote into the page for this script. */
export const page = JSON.parse(byId("page").textContent);

/** Text whose `words between backticks` are code. */
export function rich(text) {
  return text.split("`").map((part, number) => (number % 2 ? h("code", {}, part) : part));
}

/** Tells a sentence to people who listen instead of looking. */
export function announce(sentence) {
  byId("announcer").textContent = sentence;
}

/** A button that copies a text. Its name is shown whole if `isNamed`, else only heard. */
export function copyButton(text, name = t("copy"), { isNamed = false } = {}) {
  const shown = isNamed ? name : t("copy");
  const button = h(
    "button",
    { type: "button", class: isNamed ? "" : "small", "aria-label": isNamed ? null : name },
    shown,
  );
  button.addEventListener("click", async () => {
    const copied = await copyText(typeof text === "function" ? text() : text);
    button.textContent = t(copied ? "copied" : "not_copied");
    announce(button.textContent);
    setTimeout(() => (button.textContent = shown), 2000);
  });
  return button;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS, browsers give no clipboard to other hosts than this one.
    const area = h("textarea", { class: "unseen", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

/** A list of [name, value]; entries without a value are left out. A third element tells that it needs a whole row. */
export function facts(entries) {
  const shown = entries.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h(
    "dl",
    { class: "facts" },
    shown.map(([name, value, isWide]) =>
      h("div", { class: isWide ? "wide" : null }, h("dt", {}, name), h("dd", {}, value)),
    ),
  );
}

/** Calls `action` when nothing has called for it again for a while. */
export function debounced(action, delayMs) {
  let timer = 0;
  const call = () => {
    clearTimeout(timer);
    timer = setTimeout(action, delayMs);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

/** Buttons with role=tab, by the keyboard too. Returns a function that opens one. */
export function tabs(list) {
  const buttons = [...list.querySelectorAll("[role=tab]")];
  const open = (button, { focus = false } = {}) => {
    for (const other of buttons) {
      const isOpen = other === button;
      other.setAttribute("aria-selected", String(isOpen));
      other.tabIndex = isOpen ? 0 : -1;
      byId(other.getAttribute("aria-controls")).hidden = !isOpen;
    }
    if (focus) button.focus();
    list.dispatchEvent(new CustomEvent("opened", { detail: button.id }));
  };
  for (const button of buttons) button.addEventListener("click", () => open(button));
  list.addEventListener("keydown", (event) => {
    const now = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    open(buttons.at(next % buttons.length), { focus: true });
  });
  return (id) => open(byId(id));
}
