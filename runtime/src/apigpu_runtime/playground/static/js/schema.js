// What pydantic's JSON Schemas say, without $ref and without "or null". Pure.

/** The schema that a $ref stands for, merged with what stands beside it. */
export function resolved(schema, definitions) {
  let found = schema;
  for (let hops = 0; hops < 20 && (found.$ref || found.allOf?.length === 1); hops += 1) {
    const { $ref, allOf, ...beside } = found;
    const target = $ref ? definitions[$ref.replace("#/$defs/", "")] : allOf[0];
    found = { ...target, ...beside };
  }
  return found;
}

/**
 * The same, as a form needs it: `anyOf` with null is one optional schema (`nullable`), and several others are
 * `branches`.
 */
export function simplified(schema, definitions) {
  const whole = resolved(schema, definitions);
  const choices = whole.anyOf ?? whole.oneOf;
  if (!choices) return whole;
  const { anyOf, oneOf, ...beside } = whole;
  const branches = choices.filter((choice) => choice.type !== "null");
  const nullable = branches.length < choices.length;
  if (branches.length === 1) {
    const only = simplified(branches[0], definitions);
    // What stands beside anyOf speaks of the field; what stands in it, of the type.
    return { ...only, ...beside, nullable: nullable || only.nullable };
  }
  return { ...beside, branches, nullable };
}

export function kindOf(schema) {
  if (schema.branches) return "union";
  if ("const" in schema) return "constant";
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "string") return stringKind(schema);
  if (schema.type === "array" && schema.prefixItems) return "tuple";
  if (schema.type === "array" && schema.items && typeof schema.items === "object") return "list";
  if (schema.type === "object" && schema.properties) return "group";
  return "json";
}

function stringKind(schema) {
  if (schema.contentMediaType && schema.format?.startsWith("uri")) return "media";
  if (/#\[[0-9a-f-]+\]\{6\}/i.test(schema.pattern ?? "")) return "colour";
  return "text";
}

/** The name of a branch of a union: its tag, its title or its type. */
export function branchName(schema, tag) {
  const properties = schema.properties ?? {};
  const marked = tag && properties[tag];
  if (marked) return String(marked.const ?? marked.enum?.[0]);
  return schema.title ?? { array: "list", object: "JSON" }[schema.type] ?? schema.format ?? schema.type ?? "JSON";
}

/** What is wrong with a value that a control holds, as a key of the page's sentences and its values; or null. */
export function faultOf(schema, value) {
  if (typeof value === "number") return numberFault(schema, value);
  if (typeof value === "string") return textFault(schema, value);
  return null;
}

function numberFault(schema, value) {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (schema.type === "integer" && !Number.isInteger(value)) return ["must_be_whole", {}];
  if (minimum !== undefined && value < minimum) return ["at_least", { limit: minimum }];
  if (maximum !== undefined && value > maximum) return ["at_most", { limit: maximum }];
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return ["more_than", { limit: exclusiveMinimum }];
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return ["less_than", { limit: exclusiveMaximum }];
  const times = value / (multipleOf ?? value);
  if (multipleOf && Math.abs(times - Math.round(times)) > 1e-9) return ["multiple_of", { step: multipleOf }];
  return null;
}

function textFault(schema, value) {
  const length = [...value].length;
  if (schema.minLength !== undefined && length < schema.minLength) return ["longer", { limit: schema.minLength }];
  if (schema.maxLength !== undefined && length > schema.maxLength) return ["shorter", { limit: schema.maxLength }];
  if (schema.pattern && !matches(schema.pattern, value)) return ["wrong_form", {}];
  return null;
}

function matches(pattern, value) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // a pattern of another dialect: the server knows
  }
}
