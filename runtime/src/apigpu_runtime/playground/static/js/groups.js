// The fields of an object, and tuples.

import { h } from "./dom.js";
import { helpOf } from "./frame.js";
import { EAGER_DEPTH, faultPlace, join, labelFor, within } from "./places.js";
import { t } from "./words.js";

/** The fields of an object, without anything around them. */
export function fieldsOf(schema, place) {
  const required = new Set(schema.required ?? []);
  const fields = new Map();
  for (const [name, part] of Object.entries(schema.properties)) {
    fields.set(
      name,
      place.make(part, {
        ...place,
        name,
        label: undefined,
        required: required.has(name),
        isItem: false,
        depth: place.depth + 1,
      }),
    );
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

export function groupField(schema, place) {
  if (schema.nullable) return optionalGroup(schema, place);
  const inner = fieldsOf(schema, place);
  const isOpen = (place.required || place.opensGroups) && place.depth < EAGER_DEPTH;
  const summary = h("summary", {}, labelFor(place), place.name ? h("code", { class: "name" }, place.name) : null);
  const element = h("details", { class: "group", open: isOpen }, summary);
  const own = faultPlace(element);
  element.append(h("div", { class: "group-body" }, helpOf(schema), own.fault, ...inner.elements));
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
  return place.make({ ...schema, branches: [{ ...schema, nullable: false }], nullable: true }, place);
}

export function tupleField(schema, place) {
  const legend = h("legend", {}, labelFor(place), place.name ? h("code", { class: "name" }, place.name) : null);
  const element = h("fieldset", { class: "tuple" }, legend);
  const own = faultPlace(element);
  const fields = schema.prefixItems.map((part, index) => {
    const label = part.title ?? t("item_of", { number: index + 1 });
    const item = { ...part, default: part.default ?? schema.default?.[index] };
    return place.make(item, { ...place, name: "", label, depth: place.depth + 1 });
  });
  element.append(
    ...[helpOf(schema), own.fault].filter(Boolean),
    h(
      "div",
      { class: "row" },
      fields.map((field) => field.element),
    ),
  );
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
