// What fields that hold fields have in common.

import { h } from "./dom.js";
import { clearFault, showFault } from "./frame.js";
import { labelOf } from "./words.js";

export const join = (path, part) => (path ? `${path}.${part}` : String(part));
export const EAGER_DEPTH = 4;

/** A place for the fault of a whole group, which gets the focus itself. */
export function faultPlace(element) {
  const fault = h("p", { class: "fault", hidden: true });
  element.tabIndex = -1;
  return {
    fault,
    show: (sentence) => showFault(element, fault, sentence),
    clear: () => clearFault(element, fault),
    focus: () => element.focus(),
  };
}

export const labelFor = (place) => place.label ?? labelOf(place.name);

/** The deepest field at that place, and what of the place was left over. */
export function within(field, rest) {
  return rest.length ? (field.at(rest) ?? field) : field;
}
