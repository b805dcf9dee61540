// Lists: items are added, moved and removed; files become items.

import { announce, h } from "./dom.js";
import { changed, helpOf } from "./frame.js";
import { acceptOf, droppable } from "./media.js";
import { faultPlace, join, labelFor, within } from "./places.js";
import { kindOf, resolved, simplified } from "./schema.js";
import { branchField } from "./unions.js";
import { t } from "./words.js";

export function listField(schema, place) {
  const item = resolved(schema.items, place.definitions);
  const legend = h("legend", {}, labelFor(place), place.name ? h("code", { class: "name" }, place.name) : null);
  const element = h("fieldset", { class: "list" }, legend);
  const own = faultPlace(element);
  const rows = h("ol", { class: "rows" });
  const add = h("button", { type: "button" }, t("add"));
  add.setAttribute("aria-label", t("add_to", { name: labelFor(place) }));
  const least = schema.minItems ?? 0;
  const most = schema.maxItems ?? Infinity;
  const singular = item.title ?? t("item");
  let items = [];

  const arrange = () => {
    items.forEach((one, index) => {
      one.heading.textContent = `${singular} ${index + 1}`;
      for (const [name, button] of Object.entries(one.buttons)) {
        button.setAttribute("aria-label", t(`${name}_item`, { name: one.heading.textContent }));
      }
      one.buttons.up.disabled = index === 0;
      one.buttons.down.disabled = index === items.length - 1;
    });
    add.disabled = items.length >= most;
    rows.hidden = items.length === 0;
    element.dispatchEvent(new CustomEvent("arranged", { bubbles: true }));
  };
  const move = (one, by, button) => {
    const from = items.indexOf(one);
    items.splice(from, 1);
    items.splice(from + by, 0, one);
    rows.replaceChildren(...items.map((each) => each.element));
    arrange();
    (button.disabled ? one.buttons[by < 0 ? "down" : "up"] : button).focus();
    announce(t("moved_to", { number: from + by + 1 }));
    changed(element);
  };
  const remove = (one) => {
    const index = items.indexOf(one);
    items.splice(index, 1);
    one.element.remove();
    arrange();
    (items[Math.min(index, items.length - 1)]?.buttons.remove ?? add).focus();
    announce(t("removed"));
    changed(element);
  };
  const append = (value) => {
    const inner = { ...place, name: "", label: singular, required: true, isItem: true, depth: place.depth + 1 };
    const field = kindOf(item) === "group" ? branchField(item, inner) : place.make(item, inner);
    const one = listRow(field, { move, remove });
    items.push(one);
    rows.append(one.element);
    if (value !== undefined) field.write(value);
    arrange();
    return one;
  };
  add.addEventListener("click", () => {
    const one = append();
    one.element.querySelector("input:not([type=file]), select, textarea")?.focus();
    changed(element);
  });
  const several = severalFiles(item, place, { append, element, isFull: () => items.length >= most });
  element.append(
    ...[helpOf(schema), own.fault, rows, h("div", { class: "row-actions" }, add, several)].filter(Boolean),
  );
  const write = (values) => {
    items = [];
    rows.replaceChildren();
    const initial = values ?? (place.required ? Array(least).fill(undefined) : []);
    initial.forEach((value) => append(value));
    arrange();
  };
  write(undefined);
  return {
    element,
    ...own,
    items: () => items.map((one) => one.field),
    write,
    clear: () => [own, ...items.map((one) => one.field)].forEach((field) => field.clear()),
    read: (path, faults) => {
      const values = items.map((one, index) => one.field.read(join(path, index), faults));
      const isAbsent = values.length === 0 && !place.required;
      if (!isAbsent && values.length < least) faults.push({ path, message: t("more_items", { limit: least }) });
      return isAbsent ? undefined : values;
    },
    at: ([index, ...rest]) => (items[index] ? within(items[index].field, rest) : null),
  };
}

function listRow(field, { move, remove }) {
  const heading = h("span", { class: "row-title" });
  const buttons = {
    up: h("button", { type: "button", class: "icon" }, "↑"),
    down: h("button", { type: "button", class: "icon" }, "↓"),
    remove: h("button", { type: "button", class: "icon" }, "×"),
  };
  const head = h("div", { class: "row-head" }, heading, h("span", { class: "row-buttons" }, Object.values(buttons)));
  const one = { field, heading, buttons, element: h("li", {}, head, field.element) };
  buttons.up.addEventListener("click", () => move(one, -1, buttons.up));
  buttons.down.addEventListener("click", () => move(one, 1, buttons.down));
  buttons.remove.addEventListener("click", () => remove(one));
  return one;
}

/** Where an item is a file, or has one that it needs: several files at once make several items. */
function severalFiles(item, place, { append, element, isFull }) {
  const found = mediaIn(item, place.definitions);
  if (!found) return null;
  const input = h("input", {
    type: "file",
    multiple: true,
    accept: acceptOf(found.schema),
    class: "unseen",
    tabindex: -1,
    "aria-hidden": "true",
  });
  const button = h("button", { type: "button" }, t("add_files"));
  button.addEventListener("click", () => input.click());
  const take = (files) => {
    for (const file of files) {
      if (isFull()) return;
      const { field } = append();
      (found.name ? field.fields.get(found.name) : field).take(file);
    }
  };
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  droppable(element, take);
  return h("span", {}, button, input);
}

function mediaIn(item, definitions) {
  if (kindOf(item) === "media") return { name: "", schema: item };
  if (kindOf(item) !== "group") return null;
  for (const name of item.required ?? []) {
    const schema = simplified(item.properties[name], definitions);
    if (kindOf(schema) === "media") return { name, schema };
  }
  return null;
}
