// Fields of one control. What is left empty is not sent, so that defaults stay the server's.

import { h } from "./dom.js";
import { frame, unitFor } from "./frame.js";
import { faultOf } from "./schema.js";
import { number as written, t } from "./words.js";

/**
 * Every field has `element`, `read(path, faults)`, `write(value)`, `at(parts)`, `show(sentence)`, `clear()` and
 * `focus()`. `read` gives undefined for what is not to be sent, and adds to `faults` what it sees wrong.
 */
function scalar(framed, read, write) {
  return { ...framed, read, write, at: () => null };
}

function missing(place, path, faults) {
  if (place.required) faults.push({ path, message: t("fill_in") });
  return undefined;
}

function checked(schema, value, path, faults) {
  const fault = faultOf(schema, value);
  if (fault) faults.push({ path, message: t(...fault) });
  return value;
}

const placeholderOf = (schema) =>
  schema.default === undefined || schema.default === null || schema.default === "" ? null : String(schema.default);

export function textField(schema, place) {
  const isLong = (schema.maxLength ?? 0) > 500 && !schema.pattern;
  const control = h(isLong ? "textarea" : "input", {
    type: isLong ? null : "text",
    rows: isLong ? 4 : null,
    autocomplete: "off",
    spellcheck: isLong ? null : "false",
    inputmode: schema.format === "uri" || schema.pattern?.startsWith("^https?") ? "url" : null,
    placeholder: placeholderOf(schema) ?? (schema.examples ? t("such_as", { example: schema.examples[0] }) : null),
  });
  const read = (path, faults) =>
    control.value === "" ? missing(place, path, faults) : checked(schema, control.value, path, faults);
  return scalar(frame(schema, place, control), read, (value) => (control.value = value ?? ""));
}

export function numberField(schema, place) {
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const step = schema.multipleOf ?? (schema.type === "integer" ? 1 : "any");
  const control = h("input", {
    type: "number",
    min: least,
    max: most,
    step,
    inputmode: step === "any" || least === undefined || least < 0 ? null : "numeric",
    placeholder: placeholderOf(schema),
  });
  const framed = frame(schema, place, control, { unit: unitFor(schema, place), beside: [limits(least, most)] });
  const read = (path, faults) => {
    if (control.validity.badInput) faults.push({ path, message: t("no_number") });
    else if (control.value !== "") return checked(schema, Number(control.value), path, faults);
    else return missing(place, path, faults);
    return undefined;
  };
  return scalar(framed, read, (value) => (control.value = value ?? ""));
}

function limits(least, most) {
  if (least === undefined && most === undefined) return null;
  const ends = [least, most].map((end) => (end === undefined ? "" : written(end, 6)));
  const words = ends[0] && ends[1] ? `${ends[0]} – ${ends[1]}` : ends[0] ? `≥ ${ends[0]}` : `≤ ${ends[1]}`;
  return h("span", { class: "limits" }, words);
}

/** A switch where absent means something known; else a choice of yes, no and nothing. */
export function booleanField(schema, place) {
  if (schema.nullable || (schema.default === undefined && !place.required)) {
    return choiceField({ ...schema, enum: [true, false] }, place);
  }
  const control = h("input", { type: "checkbox" });
  const initial = schema.default === true;
  control.checked = initial;
  const read = () => (control.checked === initial && !place.required ? undefined : control.checked);
  return scalar(frame(schema, place, control), read, (value) => (control.checked = value ?? initial));
}

export function choiceField(schema, place) {
  const initial = schema.enum.indexOf(schema.default);
  const options = schema.enum.map((value, index) =>
    h(
      "option",
      { value: String(index) },
      index === initial ? t("is_default", { value: shown(value) }) : shown(value),
    ),
  );
  if (initial < 0) options.unshift(h("option", { value: "" }, place.required ? t("choose") : t("not_set")));
  const control = h("select", {}, options);
  const write = (value) => {
    const index = schema.enum.indexOf(value);
    control.value = index >= 0 ? String(index) : initial >= 0 ? String(initial) : "";
  };
  write(undefined);
  const read = (path, faults) => {
    if (control.value === "") return missing(place, path, faults);
    const isDefault = Number(control.value) === initial && !place.required;
    return isDefault ? undefined : schema.enum[Number(control.value)];
  };
  return scalar(frame(schema, place, control), read, write);
}

const shown = (value) => (value === true ? t("yes") : value === false ? t("no") : String(value));

/** Text and a swatch of the same colour; the swatch knows no transparency, which stays as it was written. */
export function colourField(schema, place) {
  const control = h("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    class: "colour",
    placeholder: placeholderOf(schema),
  });
  const swatch = h("input", { type: "color", "aria-label": t("pick_colour", { name: place.label ?? place.name }) });
  const opaque = () => (control.value || placeholderOf(schema) || "#000000").slice(0, 7);
  const follow = () => {
    if (/^#[0-9a-f]{6}$/i.test(opaque())) swatch.value = opaque().toLowerCase();
  };
  control.addEventListener("input", follow);
  swatch.addEventListener("input", () => {
    const rest = (control.value || placeholderOf(schema) || "").slice(7);
    control.value = swatch.value.toUpperCase() + rest;
  });
  follow();
  const read = (path, faults) =>
    control.value === "" ? missing(place, path, faults) : checked(schema, control.value.trim(), path, faults);
  const write = (value) => {
    control.value = value ?? "";
    follow();
  };
  return scalar(frame(schema, place, control, { beside: [swatch] }), read, write);
}

/** Whatever else a schema may hold, as JSON: never a dead end. */
export function jsonField(schema, place) {
  const example = schema.examples?.[0] ?? schema.default;
  const control = h("textarea", {
    rows: 3,
    class: "json",
    spellcheck: "false",
    placeholder: example === undefined || example === null ? "JSON" : JSON.stringify(example),
  });
  const read = (path, faults) => {
    if (control.value.trim() === "") return missing(place, path, faults);
    try {
      return JSON.parse(control.value);
    } catch (error) {
      faults.push({ path, message: t("no_json", { reason: error.message }) });
      return undefined;
    }
  };
  const write = (value) => (control.value = value === undefined ? "" : JSON.stringify(value, null, 2));
  return scalar(frame(schema, place, control), read, write);
}

/** A value that cannot be anything else, such as the tag of a union's branch. */
export function constantField(schema) {
  const element = h("span", { hidden: true });
  const nothing = () => {};
  return {
    element,
    read: () => schema.const,
    write: nothing,
    at: () => null,
    show: nothing,
    clear: nothing,
    focus: nothing,
  };
}
