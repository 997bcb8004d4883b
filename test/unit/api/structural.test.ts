import assert from "node:assert/strict";
import { z } from "zod";
import { structuralSchema } from "../../../src/api/generate/structural.ts";
import { mapList, matching, shown, withRules } from "../../../src/api/schema.ts";

describe("structural schemas", () => {
  const rule = { rule: "self != ''", message: "write something" };
  const table: readonly (readonly [string, z.ZodType, unknown])[] = [
    ["a bounded string", z.string().min(1).max(9), { type: "string", minLength: 1, maxLength: 9 }],
    ["an integer without zod's own bounds", z.int(), { type: "integer", format: "int64" }],
    ["an integer with bounds", z.int().min(1).max(5), { type: "integer", format: "int64", minimum: 1, maximum: 5 }],
    ["a choice", z.enum(["A", "B"]), { type: "string", enum: ["A", "B"] }],
    [
      "an integer or string",
      z.union([z.int(), z.string().max(64)]),
      { "x-kubernetes-int-or-string": true, maxLength: 64 },
    ],
    ["anything", z.unknown(), { "x-kubernetes-preserve-unknown-fields": true }],
    ["a map", z.record(z.string(), z.boolean()), { type: "object", additionalProperties: { type: "boolean" } }],
    [
      "a map of anything",
      z.record(z.string(), z.unknown()),
      { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    ],
    ["a list", z.array(z.boolean()).max(3), { type: "array", maxItems: 3, items: { type: "boolean" } }],
    ["a CEL rule", withRules(z.string(), rule), { type: "string", "x-kubernetes-validations": [rule] }],
    ["an object of nothing, without a map that the API server would drop", z.strictObject({}), { type: "object" }],
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

  const hint = "write lower case, for example a";
  const name = shown(matching(z.string(), /^[a-z]$/, hint), "name: a");
  const missing = (field: string, example: string) => ({
    rule: `has(self.${field})`,
    message: `give ${field}, for example ${example}`,
    fieldPath: `.${field}`,
    reason: "FieldValueRequired",
  });
  const matches = { rule: "self.matches(r'^[a-z]$')", message: hint };

  it("show a user what to write: a rule beside a pattern, and one instead of required", () => {
    assert.deepEqual(structuralSchema(z.strictObject({ name, other: z.boolean() }), { written: "user" }), {
      type: "object",
      required: ["other"],
      properties: {
        name: {
          type: "string",
          pattern: "^[a-z]$",
          description: "Required.",
          "x-kubernetes-validations": [matches],
        },
        other: { type: "boolean" },
      },
      "x-kubernetes-validations": [missing("name", "name: a")],
    });
  });

  it("require the keys of a list by the schema, since server-side apply merges by them", () => {
    const list = mapList(z.array(z.strictObject({ name, value: shown(z.boolean(), "value: true") })), "name");
    const { items } = structuralSchema(list, { written: "user" }) as { items: Record<string, unknown> };
    assert.deepEqual(items["required"], ["name"]);
    assert.deepEqual(items["x-kubernetes-validations"], [missing("value", "value: true")]);
  });

  it("give no hints where only the operator writes", () => {
    assert.deepEqual(structuralSchema(z.strictObject({ name })), {
      type: "object",
      required: ["name"],
      properties: { name: { type: "string", pattern: "^[a-z]$" } },
    });
  });

  it("give zod the same hint, and the rules that say how to check them", () => {
    assert.equal(name.safeParse("A").error?.issues[0]?.message, hint);
    const even = withRules(z.int(), { ...rule, message: "write an even number", holds: (n) => n % 2 === 0 });
    assert.equal(even.safeParse(1).error?.issues[0]?.message, "write an even number");
    assert.ok(even.safeParse(2).success);
    assert.deepEqual(structuralSchema(even)["x-kubernetes-validations"], [
      { ...rule, message: "write an even number" },
    ]);
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
