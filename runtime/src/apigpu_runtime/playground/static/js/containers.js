// Fields made of fields: groups, lists, tuples and unions.

import { announce, h, rich } from "./dom.js";
import { makeField } from "./form.js";
import { changed, clearFault, frame, showFault } from "./frame.js";
import { acceptOf, droppable } from "./media.js";
import { branchName, kindOf, resolved, simplified } from "./schema.js";
import { labelOf, t, told } from "./words.js";

const join = (path, part) => (path ? `${path}.${part}` : String(part));
const EAGER_DEPTH = 4;

/** A place for the fault of a whole group, which gets the focus itself. */
function faultPlace(element) {
  const fault = h("p", { class: "fault", hidden: true });
  element.tabIndex = -1;
  return {
    fault,
    show: (sentence) => showFault(element, fault, sentence),
    clear: () => clearFault(element, fault),
    focus: () => element.focus(),
  };
}

const described = (schema) =>
  schema.description ? h("p", { class: "help" }, rich(told(schema.description))) : null;

const labelFor = (place) => place.label ?? labelOf(place.name);

/** The fields of an object, without anything around them. */
export function fieldsOf(schema, place) {
  const required = new Set(schema.required ?? []);
  const fields = new Map();
  for (const [name, part] of Object.entries(schema.properties)) {
    fields.set(name, makeField(part, { ...place, name, label: undefined, required: required.has(name), isItem: false, depth: place.depth + 1 }));
  }
  return {
    fields,
    elements: [...fields.values()].map((field) => field.element),
    read: (path, faults) => {
      const found = {};
      for (const [name, field] of fields) {
        const value = field.isOff ? undefined : field.read(join(path, name), faults);
        if (value !== undefined) found[name] = value;
      }
      return found;
    },
    write: (value) => {
      for (const [name, field] of fields) field.write(value?.[name]);
    },
    clear: () => fields.forEach((field) => field.clear()),
  };
}

/** The deepest field at that place, and what of the place was left over. */
function within(field, rest) {
  return rest.length ? (field.at(rest) ?? field) : field;
}

export function groupField(schema, place) {
  if (schema.nullable) return optionalGroup(schema, place);
  const inner = fieldsOf(schema, place);
  const isOpen = (place.required || place.opensGroups) && place.depth < EAGER_DEPTH;
  const summary = h("summary", {}, labelFor(place), place.name ? h("code", { class: "name" }, place.name) : null);
  const element = h("details", { class: "group", open: isOpen }, summary);
  const own = faultPlace(element);
  element.append(h("div", { class: "group-body" }, described(schema), own.fault, ...inner.elements));
  return {
    element,
    ...own,
    clear: () => {
      own.clear();
      inner.clear();
    },
    read: (path, faults) => {
      const value = inner.read(path, faults);
      return Object.keys(value).length || place.required ? value : undefined;
    },
    write: (value) => {
      inner.write(value);
      if (value !== undefined) element.open = true;
    },
    at: ([name, ...rest]) => {
      const found = inner.fields.get(name);
      if (found) element.open = true;
      return found ? within(found, rest) : null;
    },
  };
}

/** A group that may be left out: nothing of it exists until it is wanted. It may hold itself. */
function optionalGroup(schema, place) {
  return unionField({ ...schema, branches: [{ ...schema, nullable: false }], nullable: true }, place);
}

export function tupleField(schema, place) {
  const legend = h("legend", {}, labelFor(place), place.name ? h("code", { class: "name" }, place.name) : null);
  const element = h("fieldset", { class: "tuple" }, legend);
  const own = faultPlace(element);
  const fields = schema.prefixItems.map((part, index) => {
    const label = part.title ?? t("item_of", { number: index + 1 });
    const item = { ...part, default: part.default ?? schema.default?.[index] };
    return makeField(item, { ...place, name: "", label, depth: place.depth + 1 });
  });
  element.append(...[described(schema), own.fault].filter(Boolean), h("div", { class: "row" }, fields.map((field) => field.element)));
  return {
    element,
    ...own,
    clear: () => [own, ...fields].forEach((field) => field.clear()),
    read: (path, faults) => {
      const values = fields.map((field, index) => field.read(join(path, index), faults));
      if (values.every((value) => value === undefined)) return undefined;
      values.forEach((value, index) => {
        if (value === undefined && !place.required) faults.push({ path: join(path, index), message: t("fill_in") });
      });
      return values;
    },
    write: (value) => fields.forEach((field, index) => field.write(value?.[index])),
    at: ([index, ...rest]) => (fields[index] ? within(fields[index], rest) : null),
  };
}

export function unionField(schema, place) {
  const tag = schema.discriminator?.propertyName;
  const branches = schema.branches.map((branch) => simplified(branch, place.definitions));
  const names = branches.map((branch) => branchName(branch, tag));
  const isOneOnly = branches.length === 1;
  const select = h("select", {}, h("option", { value: "" }, place.required ? t("choose") : t("not_set")));
  names.forEach((name, index) => select.append(h("option", { value: String(index) }, isOneOnly ? t("set") : name)));
  const isNameless = tag && !place.name;
  const framed = frame(schema, isNameless ? { ...place, label: labelOf(tag) } : place, select);
  const slot = h("div", { class: "branch" });
  const element = h("div", { class: "union" }, framed.element, slot);
  let field = null;

  const show = (index) => {
    select.value = index < 0 ? "" : String(index);
    field = index < 0 ? null : branchField(branches[index], { ...place, label: names[index], required: true });
    slot.replaceChildren(...(field ? [field.element] : []));
  };
  select.addEventListener("change", () => show(select.value === "" ? -1 : Number(select.value)));
  if (place.required && place.depth < EAGER_DEPTH) show(0);

  return {
    ...framed,
    element,
    clear: () => {
      framed.clear();
      field?.clear();
    },
    read: (path, faults) => {
      if (field) return field.read(path, faults);
      if (place.required) faults.push({ path, message: t("fill_in") });
      return undefined;
    },
    write: (value) => {
      if (value === undefined || value === null) return show(place.required ? 0 : -1);
      show(Math.max(0, branches.findIndex((branch) => fits(branch, value, tag))));
      field.write(value);
    },
    at: (parts) => field?.at(parts) ?? null,
    branch: () => field,
  };
}

/** The field of a chosen branch. A group needs no second frame around it. */
function branchField(branch, place) {
  if (kindOf(branch) !== "group") return makeField(branch, { ...place, depth: place.depth + 1 });
  const inner = fieldsOf(branch, place);
  const element = h("div", { class: "branch-body" });
  const own = faultPlace(element);
  const help = place.isItem ? null : described(branch);
  element.append(...[help, own.fault].filter(Boolean), ...inner.elements);
  return {
    ...inner,
    ...own,
    element,
    schema: branch,
    clear: () => [own, inner].forEach((part) => part.clear()),
    at: ([name, ...rest]) => (inner.fields.has(name) ? within(inner.fields.get(name), rest) : null),
  };
}

function fits(branch, value, tag) {
  if (tag) return branch.properties?.[tag]?.const === value[tag];
  const kind = kindOf(branch);
  if (Array.isArray(value)) return kind === "list" || kind === "tuple";
  if (typeof value === "object") return kind === "group" || kind === "json";
  if (branch.enum) return branch.enum.includes(value);
  return { string: ["text", "media", "colour"], number: ["number"], boolean: ["boolean"] }[typeof value]?.includes(kind);
}

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
    const field = kindOf(item) === "group" ? branchField(item, inner) : makeField(item, inner);
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
  element.append(...[described(schema), own.fault, rows, h("div", { class: "row-actions" }, add, several)].filter(Boolean));
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
  const input = h("input", { type: "file", multiple: true, accept: acceptOf(found.schema), class: "unseen", tabindex: -1, "aria-hidden": "true" });
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
