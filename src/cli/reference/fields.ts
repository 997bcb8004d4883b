import { z } from "zod";

/** The parts of JSON Schema that zod writes for the shapes of the command line. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly $ref?: string;
}

const Schema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    description: z.string().optional(),
    const: z.string().optional(),
    enum: z.array(z.string()).optional(),
    properties: z.record(z.string(), Schema).optional(),
    required: z.array(z.string()).optional(),
    items: Schema.optional(),
    $ref: z.string().optional(),
  }),
) as z.ZodType<Schema>;

/** A Markdown list of an object's fields, those of objects within it below them. */
export function fieldLines(schema: unknown, indent = ""): readonly string[] {
  const { properties = {}, required = [] } = Schema.parse(schema);
  return Object.entries(properties).flatMap(([name, field]) => {
    const optional = required.includes(name) ? "" : ", optional";
    const text = field.description === undefined ? "" : `: ${field.description}`;
    const inner = field.items ?? field;
    return [`${indent}- \`${name}\` (${typeOf(field)}${optional})${text}`, ...fieldLines(inner, `${indent}  `)];
  });
}

function typeOf({ type, const: constant, enum: values, items, $ref }: Schema): string {
  if (constant !== undefined) return `\`${constant}\``;
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(" or ");
  if (items !== undefined) return `list of ${items.$ref === undefined ? `${typeOf(items)}s` : "the same"}`;
  return $ref === undefined ? (type ?? "any") : "tree";
}
