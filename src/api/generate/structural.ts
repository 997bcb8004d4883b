import { z } from "zod";
import { EXAMPLE, HINT, type CelRule } from "../schema.ts";

/** A node of an OpenAPI v3 schema as Kubernetes accepts it. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * Turns a zod schema into a Kubernetes structural schema.
 *
 * zod's own OpenAPI output is close, yet the API server refuses some of its forms; each rule below names one. What cannot
 * be said in a structural schema throws, so that no constraint is lost in silence.
 * See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: z.ZodType, { written = "operator" }: Options = {}): Schema {
  const raw = z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    reused: "inline",
    unrepresentable: "throw",
  }) as Schema;
  const { $schema: _dialect, ...root } = raw;
  const plain = structural(root, "");
  return written === "user" ? helpful(plain) : terse(plain);
}

interface Options {
  /**
   * Who writes it. What a user writes is refused with examples: a rule beside each pattern, and, since the API server
   * looks at no rule while a field is missing that the schema requires, a rule instead of each `required`. What only the
   * operator writes has neither: no person reads its refusals, and its lists are too long for rules on each item.
   */
  readonly written?: "user" | "operator";
}

function terse(node: Schema): Schema {
  return eachChild(without(node, HINT, EXAMPLE), (child) => terse(child));
}

function helpful(node: Schema, keys: readonly unknown[] = []): Schema {
  const hint = node[HINT];
  const out: Record<string, unknown> = { ...without(node, HINT, EXAMPLE) };
  const rules: CelRule[] = [];
  if (isSchemaMap(node["properties"]) && Array.isArray(node["required"])) {
    const properties = node["properties"];
    // The keys of a list must be required: server-side apply merges by them.
    const ruled = node["required"]
      .map(String)
      .filter((name) => !keys.includes(name) && EXAMPLE in (properties[name] ?? {}));
    const required = node["required"].filter((name) => !ruled.includes(String(name)));
    rules.push(...ruled.map((name) => requiredRule(name, String(properties[name]?.[EXAMPLE]))));
    out["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [name, ruled.includes(name) ? marked(child) : child]),
    );
    if (required.length > 0) out["required"] = required;
    else delete out["required"];
  }
  if (typeof hint === "string" && typeof node["pattern"] === "string") {
    rules.push({ rule: `self.matches(r'${node["pattern"]}')`, message: hint });
  }
  const all = [...rules, ...((node["x-kubernetes-validations"] ?? []) as readonly CelRule[])];
  if (all.length > 0) out["x-kubernetes-validations"] = all;
  return eachChild(out, helpful);
}

/** Required by a rule of the object that holds the field. */
export function requiredRule(name: string, example: string): CelRule {
  return {
    rule: `has(self.${name})`,
    message: `give ${name}, for example ${example}`,
    fieldPath: `.${name}`,
    reason: "FieldValueRequired",
  };
}

function marked(node: Schema): Schema {
  const text = typeof node["description"] === "string" ? ` ${node["description"]}` : "";
  return { ...node, description: `Required.${text}` };
}

/** The children of a node, each with the keys by which the list that it is the item of is merged. */
function eachChild(node: Schema, change: (child: Schema, keys?: readonly unknown[]) => Schema): Schema {
  const out: Record<string, unknown> = { ...node };
  const keys = node["x-kubernetes-list-map-keys"];
  if (isSchemaMap(node["properties"])) {
    out["properties"] = Object.fromEntries(
      Object.entries(node["properties"]).map(([name, child]) => [name, change(child)]),
    );
  }
  if (isSchema(node["additionalProperties"])) out["additionalProperties"] = change(node["additionalProperties"]);
  if (isSchema(node["items"])) out["items"] = change(node["items"], Array.isArray(keys) ? keys : []);
  return out;
}

function structural(node: Schema, path: string): Schema {
  if ("$ref" in node) throw new Error(`${path}: a recursive or shared schema cannot be a structural schema`);
  if (isEmpty(node)) return { "x-kubernetes-preserve-unknown-fields": true };
  const union = unionOf(node);
  if (union !== undefined) return { ...without(node, "anyOf", "oneOf"), ...intOrString(union, path) };

  const out: Record<string, unknown> = { ...node };
  if (isSchemaMap(node["properties"])) {
    out["properties"] = Object.fromEntries(
      Object.entries(node["properties"]).map(([name, child]) => [name, structural(child, `${path}.${name}`)]),
    );
    // A structural schema with properties prunes unknown fields by itself and forbids additionalProperties beside them.
    delete out["additionalProperties"];
    // The API server drops an empty map, and whoever compares would find a difference for ever.
    if (Object.keys(node["properties"]).length === 0) delete out["properties"];
  } else if (isSchema(node["additionalProperties"])) {
    const values = structural(node["additionalProperties"], `${path}.*`);
    delete out["propertyNames"];
    if (values["x-kubernetes-preserve-unknown-fields"] === true && !("type" in values)) {
      delete out["additionalProperties"];
      out["x-kubernetes-preserve-unknown-fields"] = true;
    } else out["additionalProperties"] = values;
  } else delete out["additionalProperties"];
  if (isSchema(node["items"])) out["items"] = structural(node["items"], `${path}[]`);
  if (node["type"] === "integer") boundInteger(out);
  if (typeof node["pattern"] === "string") checkPattern(node["pattern"], path);
  return out;
}

/** Kubernetes patterns run on RE2: what only a backtracking engine understands must not get into a CRD. */
function checkPattern(pattern: string, path: string): void {
  if (/\(\?[=!<]|\\[1-9]/.test(pattern)) throw new Error(`${path}: the pattern ${pattern} is not RE2`);
}

/** zod bounds every integer by ±(2^53-1); the API server reads these as floats and complains. */
function boundInteger(out: Record<string, unknown>): void {
  if (out["minimum"] === Number.MIN_SAFE_INTEGER) delete out["minimum"];
  if (out["maximum"] === Number.MAX_SAFE_INTEGER) delete out["maximum"];
  out["format"] = "int64";
}

function unionOf(node: Schema): readonly Schema[] | undefined {
  const members = node["anyOf"] ?? node["oneOf"];
  return Array.isArray(members) ? members.filter(isSchema) : undefined;
}

function intOrString(members: readonly Schema[], path: string): Schema {
  const types = members.map((member) => member["type"]).sort();
  if (types.length === 2 && types[0] === "integer" && types[1] === "string") {
    const maxLength = members.find((member) => member["type"] === "string")?.["maxLength"];
    return { "x-kubernetes-int-or-string": true, ...(maxLength === undefined ? {} : { maxLength }) };
  }
  throw new Error(`${path}: only a union of integer and string can be a structural schema`);
}

function isEmpty(node: Schema): boolean {
  return Object.keys(node).every((key) => key === "description");
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSchemaMap(value: unknown): value is Readonly<Record<string, Schema>> {
  return isSchema(value);
}

function without(node: Schema, ...keys: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(node).filter(([key]) => !keys.includes(key)));
}
