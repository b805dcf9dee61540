// Steps after the first take the video of the step before, so they do without that field.

import { h } from "./dom.js";
import { t } from "./words.js";

export function watchSteps(form) {
  const steps = form.fields.get("steps");
  const bind = () => steps.items().forEach((step, index) => bound(step.branch(), index > 0));
  steps.element.addEventListener("arranged", bind);
  steps.element.addEventListener("change", bind);
  bind();
}

function bound(operation, isLater) {
  const field = operation?.fields.get(operation.schema.mainField);
  if (!field) return;
  field.isOff = isLater;
  field.element.hidden = isLater;
  field.told ??= h("p", { class: "help from-before" }, t("from_step_before"));
  if (!field.told.isConnected) field.element.before(field.told);
  field.told.hidden = !isLater;
}
