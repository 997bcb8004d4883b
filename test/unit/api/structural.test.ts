import assert from "node:assert/strict";
import { z } from "zod";
import { structuralSchema } from "../../../src/api/generate/structural.ts";
import { withRules } from "../../../src/api/schema.ts";

describe("structural schemas", () => {
  const rule = { rule: "self != ''", message: "write something" };
  const table: readonly (readonly [string, z.ZodType, unknown])[] = [
    ["a bounded string", z.string().min(1).max(9), { type: "string", minLength: 1, maxLength: 9 }],
    ["an integer without zod's own bounds", z.int(), { type: "integer", format: "int64" }],
    ["an integer with bounds", z.int().min(1).max(5), { type: "integer", format: "int64", minimum: 1, maximum: 5 }],
    ["a choice", z.enum(["A", "B"]), { type: "string", enum: ["A", "B"] }],
    ["an integer or string", z.union([z.int(), z.string().max(64)]), { "x-kubernetes-int-or-string": true }],
    ["anything", z.unknown(), { "x-kubernetes-preserve-unknown-fields": true }],
    ["a map", z.record(z.string(), z.boolean()), { type: "object", additionalProperties: { type: "boolean" } }],
    [
      "a map of anything",
      z.record(z.string(), z.unknown()),
      { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    ],
    ["a list", z.array(z.boolean()).max(3), { type: "array", maxItems: 3, items: { type: "boolean" } }],
    ["a CEL rule", withRules(z.string(), rule), { type: "string", "x-kubernetes-validations": [rule] }],
    [
      "a strict object, in which a default makes a field optional",
      z.strictObject({ a: z.boolean(), b: z.boolean().default(true), c: z.boolean().optional() }),
      {
        type: "object",
        required: ["a"],
        properties: { a: { type: "boolean" }, b: { type: "boolean", default: true }, c: { type: "boolean" } },
      },
    ],
  ];
  for (const [name, schema, expected] of table)
    it(`say ${name}`, () => {
      assert.deepEqual(structuralSchema(schema), expected);
    });

  const refused: readonly (readonly [string, z.ZodType, RegExp])[] = [
    ["another union", z.object({ a: z.union([z.boolean(), z.string()]) }), /\.a: only a union of integer and string/],
    ["a pattern with a lookahead", z.object({ a: z.string().regex(/^(?=a)/) }), /\.a: the pattern .* is not RE2/],
    ["a pattern with a back reference", z.string().regex(/(a)\1/), /is not RE2/],
    ["a date", z.date(), /Date cannot be represented/],
  ];
  for (const [name, schema, message] of refused)
    it(`cannot say ${name}`, () => {
      assert.throws(() => structuralSchema(schema), message);
    });
});
