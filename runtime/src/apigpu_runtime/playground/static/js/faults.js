// What is wrong, beside the field that is wrong.

import { sentenceOf } from "./api.js";
import { byId, h } from "./dom.js";
import { t } from "./words.js";

/** `find(path)` gives the field at a path, or null. */
export function faultsShown(find) {
  const summary = byId("summary");

  const clear = () => {
    summary.hidden = true;
    summary.replaceChildren();
  };
  /**
   * Shows each of `faults` ({path, message, remedy}), and `message` where there are none. The focus goes to the
   * first, unless nobody asked for a check.
   */
  const show = (faults, { message = "", remedy = "", isAsked = true } = {}) => {
    clear();
    const placed = faults.map((fault) => [find(fault.path ?? ""), fault]);
    for (const [field, fault] of placed) {
      if (!field) continue;
      reveal(field.element);
      field.show(sentenceOf(fault));
    }
    if (!isAsked) return;
    const homeless = placed
      .filter(([field]) => !field)
      .map(([, fault]) => [fault.path, sentenceOf(fault)].filter(Boolean).join(": "));
    const first = placed.find(([field]) => field)?.[0];
    const lines = first || homeless.length ? homeless : [sentenceOf({ message, remedy })];
    if (first) lines.unshift(t("faults_below", { count: placed.length - homeless.length }));
    summary.append(...lines.filter(Boolean).map((line) => h("p", {}, line)));
    summary.hidden = false;
    (first ?? { focus: () => summary.scrollIntoView({ block: "center" }) }).focus();
  };
  return { clear, show };
}

/** The fault of a field that is being mended goes away. */
export function forgetFault(control) {
  // Events of whole fields tell of uploads, whose faults are to stay.
  if (!control.matches("input, select, textarea")) return;
  const fault = control.closest(".field")?.querySelector(".fault");
  if (!fault || fault.hidden) return;
  fault.hidden = true;
  fault.replaceChildren();
  control.removeAttribute("aria-invalid");
}

function reveal(element) {
  for (let outer = element.closest("details"); outer; outer = outer.parentElement?.closest("details"))
    outer.open = true;
}
