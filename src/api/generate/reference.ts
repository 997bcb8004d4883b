import type { CelRule } from "../schema.ts";
import type { KindDefinition } from "../kind.ts";
import { type Schema, structuralSchema } from "./structural.ts";

/** The API reference of all kinds, as one Markdown page. */
export function referencePage(kinds: readonly KindDefinition[]): string {
  const head = [
    "# API reference",
    "",
    "<!-- Generated from src/api by `make generate`; do not edit. -->",
    "",
    "Group `mlsecops.io`, version `v1alpha1`. A field marked * is required.",
    "",
    "| kind | short | scope | question it answers |",
    "|---|---|---|---|",
    ...kinds.map(
      (kind) =>
        `| [${kind.resource.kind}](#${kind.resource.kind.toLowerCase()}) | ${kind.shortNames.map((name) => `\`${name}\``).join(", ")} | ${kind.resource.namespaced ? "namespace" : "cluster"} | ${kind.summary} |`,
    ),
    "",
  ];
  return [...head, ...kinds.flatMap(section)].join("\n");
}

function section(kind: KindDefinition): string[] {
  return [
    `## ${kind.resource.kind}`,
    "",
    kind.summary,
    "",
    ...kind.rules.map((rule) => `* ${rule.message}`),
    ...(kind.rules.length > 0 ? [""] : []),
    "### spec",
    "",
    ...table(structuralSchema(kind.spec, { written: kind.example === undefined ? "operator" : "user" })),
    "### status",
    "",
    ...table(structuralSchema(kind.status)),
  ];
}

function table(schema: Schema): string[] {
  const rows = fields(schema, "");
  if (rows.length === 0) return ["(empty)", ""];
  return ["| field | type | default | meaning |", "|---|---|---|---|", ...rows, ""];
}

function fields(schema: Schema, prefix: string): string[] {
  const required = requiredOf(schema);
  return Object.entries(asMap(schema["properties"])).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    const row = `| \`${path}\`${required.has(name) ? " *" : ""} | ${typeOf(child)} | ${defaultOf(child)} | ${meaning(child)} |`;
    return [row, ...nested(child, path)];
  });
}

/** By the schema, or by a rule. */
function requiredOf(schema: Schema): ReadonlySet<unknown> {
  const listed: readonly unknown[] = Array.isArray(schema["required"]) ? schema["required"] : [];
  const ruled = rulesOf(schema).filter(({ reason }) => reason === "FieldValueRequired");
  return new Set([...listed, ...ruled.map(({ fieldPath }) => fieldPath?.slice(1))]);
}

function rulesOf(schema: Schema): readonly CelRule[] {
  return (schema["x-kubernetes-validations"] ?? []) as readonly CelRule[];
}

function nested(schema: Schema, path: string): string[] {
  if (schema["properties"] !== undefined) return fields(schema, `${path}.`);
  const items = schema["items"] as Schema | undefined;
  if (items !== undefined) return nested(items, `${path}[]`);
  const values = schema["additionalProperties"] as Schema | undefined;
  return values === undefined ? [] : nested(values, `${path}.*`);
}

function typeOf(schema: Schema): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "integer or string";
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => `\`${String(value)}\``).join(", ");
  if (schema["items"] !== undefined) return `list of ${typeOf(schema["items"] as Schema)}`;
  if (schema["additionalProperties"] !== undefined) return `map of ${typeOf(schema["additionalProperties"] as Schema)}`;
  return typeof schema["type"] === "string" ? schema["type"] : "any";
}

function defaultOf(schema: Schema): string {
  return schema["default"] === undefined ? "" : `\`${JSON.stringify(schema["default"])}\``;
}

function meaning(schema: Schema): string {
  const rules = rulesOf(schema).filter(({ reason }) => reason !== "FieldValueRequired");
  const description = (typeof schema["description"] === "string" ? schema["description"] : "").replace(
    /^Required\. ?/,
    "",
  );
  const text = [description, ...rules.map((rule) => `Rule: ${rule.message}.`)].filter(Boolean).join(" ");
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function asMap(value: unknown): Readonly<Record<string, Schema>> {
  return (value ?? {}) as Readonly<Record<string, Schema>>;
}
