// A choice between schemas: a select, and the field of what was chosen.

import { h } from "./dom.js";
import { frame, helpOf } from "./frame.js";
import { fieldsOf } from "./groups.js";
import { EAGER_DEPTH, faultPlace, within } from "./places.js";
import { branchName, kindOf, simplified } from "./schema.js";
import { labelOf, t } from "./words.js";

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
      show(
        Math.max(
          0,
          branches.findIndex((branch) => fits(branch, value, tag)),
        ),
      );
      field.write(value);
    },
    at: (parts) => field?.at(parts) ?? null,
    branch: () => field,
  };
}

/** The field of a chosen branch. A group needs no second frame around it. */
export function branchField(branch, place) {
  if (kindOf(branch) !== "group") return place.make(branch, { ...place, depth: place.depth + 1 });
  const inner = fieldsOf(branch, place);
  const element = h("div", { class: "branch-body" });
  const own = faultPlace(element);
  const help = place.isItem ? null : helpOf(branch);
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
  return { string: ["text", "media", "colour"], number: ["number"], boolean: ["boolean"] }[typeof value]?.includes(
    kind,
  );
}
