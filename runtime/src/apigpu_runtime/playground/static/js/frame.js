// What every field has around its control: a label, the name that the API uses, help, and a place for its fault.

import { freshId, h, rich } from "./dom.js";
import { labelOf, languageOf, t, told, unitOf } from "./words.js";

/**
 * The frame of one control. `place` says where the field stands: its name, its label if it has one of its own, and
 * whether it is required.
 */
export function frame(schema, place, control, { unit = "", beside = [], below = [] } = {}) {
  const id = freshId();
  control.id = id;
  const fault = h("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const help = helpOf(schema, `${id}-help`);
  const unitMark = unit ? h("span", { class: "unit", id: `${id}-unit` }, unit) : null;
  describe(control, [unitMark, help, fault]);
  if (place.required) control.setAttribute("aria-required", "true");
  const row = h("div", { class: "control" }, control, unitMark, beside);
  const isSwitch = control.type === "checkbox";
  const head = heading(schema, place, id);
  const parts = isSwitch ? [h("div", { class: "switch" }, row, head)] : [head, row];
  const element = h("div", { class: "field" }, parts, below, help, fault);
  return {
    element,
    control,
    show: (sentence) => showFault(control, fault, sentence),
    clear: () => clearFault(control, fault),
    focus: () => control.focus(),
  };
}

export function helpOf({ description }, id = null) {
  if (!description) return null;
  return h("p", { class: "help", id, lang: languageOf(description) }, rich(told(description)));
}

function describe(control, parts) {
  const ids = parts.filter(Boolean).map((part) => part.id);
  control.setAttribute("aria-describedby", ids.join(" "));
}

function heading(schema, place, id) {
  const isMedia = Boolean(schema.contentMediaType);
  const label = place.label ?? labelOf(place.name, { isMedia });
  const marks = [place.name ? h("code", { class: "name" }, place.name) : null];
  if (place.required && !place.isItem) marks.unshift(h("span", { class: "mark" }, t("required")));
  return h("div", { class: "field-head" }, h("label", { for: id }, label), marks);
}

export function showFault(control, fault, sentence) {
  fault.replaceChildren(...rich(sentence));
  fault.hidden = false;
  control.setAttribute("aria-invalid", "true");
}

export function clearFault(control, fault) {
  fault.hidden = true;
  fault.replaceChildren();
  control.removeAttribute("aria-invalid");
}

export const unitFor = (schema, place) => unitOf(place.name ?? "", schema.description);

/** Tells the form that something changed for which browsers have no event. */
export function changed(element) {
  element.dispatchEvent(new Event("input", { bubbles: true }));
}
