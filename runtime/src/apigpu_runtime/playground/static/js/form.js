// A form from a JSON Schema as pydantic writes it.

import { fieldsOf, groupField, tupleField } from "./groups.js";
import { listField } from "./lists.js";
import { mediaField } from "./media.js";
import {
  booleanField,
  choiceField,
  colourField,
  constantField,
  jsonField,
  numberField,
  textField,
} from "./scalars.js";
import { kindOf, resolved, simplified } from "./schema.js";
import { unionField } from "./unions.js";

const MAKERS = {
  boolean: booleanField,
  choice: choiceField,
  colour: colourField,
  constant: constantField,
  group: groupField,
  json: jsonField,
  list: listField,
  media: mediaField,
  number: numberField,
  text: textField,
  tuple: tupleField,
  union: unionField,
};

/**
 * The field for a schema. `place` has name, label, required, depth and the schema's definitions, and `make`, which is
 * this function: fields that hold others make them with it.
 */
export function makeField(schema, place) {
  const simple = simplified(schema, place.definitions);
  return MAKERS[kindOf(simple)](simple, place);
}

/** The fields of an object's schema, put into `container`. */
export function makeForm(schema, container, { opensGroups = false } = {}) {
  const definitions = schema.$defs ?? {};
  const inner = fieldsOf(resolved(schema, definitions), { definitions, opensGroups, depth: 0, make: makeField });
  container.replaceChildren(...inner.elements);
  return {
    fields: inner.fields,
    /** What was entered, and what is wrong with it as far as can be seen here: {value, faults}. */
    read: () => {
      const faults = [];
      return { value: inner.read("", faults), faults };
    },
    write: inner.write,
    clear: inner.clear,
    /** The field at a path such as `images.2.image_url`, or the nearest around it; or null. */
    at: (path) => {
      const [name, ...rest] = path.split(".");
      const field = inner.fields.get(name);
      return field && rest.length ? (field.at(rest) ?? field) : (field ?? null);
    },
  };
}
