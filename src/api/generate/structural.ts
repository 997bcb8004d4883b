import { z } from "zod";

/** A node of an OpenAPI v3 schema as Kubernetes accepts it. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * Turns a zod schema into a Kubernetes structural schema.
 *
 * zod's own OpenAPI output is close, yet the API server refuses some of its forms; each rule below names one. What cannot
 * be said in a structural schema throws, so that no constraint is lost in silence.
 * See https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: z.ZodType): Schema {
  const raw = z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    reused: "inline",
    unrepresentable: "throw",
  }) as Schema;
  const { $schema: _dialect, ...root } = raw;
  return structural(root, "");
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
  if (types.length === 2 && types[0] === "integer" && types[1] === "string")
    return { "x-kubernetes-int-or-string": true };
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
