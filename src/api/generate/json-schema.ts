import { z } from "zod";

/** A schema as JSON Schema (draft 2020-12), for tools that are not ours. */
export function jsonSchemaOf(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { target: "draft-2020-12", reused: "inline" }), undefined, 2)}\n`;
}
