import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { DEFAULT_RULES, decideFormat, FORMATS } from "../../../src/formats/index.ts";
import { decide, scan, vector, vectorsIn } from "./support/scan.ts";

const rows = z
  .array(z.object({ file: z.string(), at: z.number(), byte: z.number(), names: z.array(z.string()) }))
  .parse(JSON.parse(vector("mutations.json").toString()));

function changed(content: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(content);
  copy[at] = byte;
  return copy;
}

describe("a pickle of which one byte was changed", () => {
  it("is never accepted when CPython's unpickler asks for another name", async () => {
    assert.ok(rows.length > 200);
    for (const { file, at, byte, names } of rows) {
      const original = vector(`honest/${file}`);
      const trustedTypes = (await scan(original)).files.flatMap(({ types }) => types);
      const decision = await decide(changed(original, at, byte), { allowPickle: true, trustedTypes });
      assert.equal(decision.outcome, "Refused", `${file} with ${byte} at ${at}: ${names.join()}`);
    }
  }).timeout(60_000);

  it("is told each of the names that CPython asks for, or cannot be followed", async () => {
    for (const { file, at, byte, names } of rows) {
      const { files } = await scan(changed(vector(`honest/${file}`), at, byte));
      for (const name of names) {
        const [module = "", attribute = ""] = name.split(" ");
        // Nothing can be imported under another name.
        if (!/^[A-Za-z_][\w.]* [A-Za-z_][\w.]*$/.test(name)) continue;
        const type = `${module}${attribute.includes(".") ? ":" : "."}${attribute}`;
        const told = files.some((found) => found.types.includes(type) || found.findings.length > 0);
        assert.ok(told, `${file} with ${byte} at ${at}: ${name} is missing in ${JSON.stringify(files)}`);
      }
    }
  }).timeout(60_000);
});

describe("whatever comes in", () => {
  const names = [...vectorsIn("honest"), ...vectorsIn("malicious")].filter((name) => vector(name).length < 20_000);

  it("random bytes end in a decision", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 512 }), fc.constantFrom("raw", "tar"), async (bytes, packing) => {
        const facts = await scan(Buffer.from(bytes), { packing, piece: 64 });
        decideFormat([facts], DEFAULT_RULES);
      }),
      { numRuns: 500 },
    );
  }).timeout(60_000);

  it("random opcodes end in a decision", async () => {
    const opcodes = fc.constantFrom(
      ...Buffer.from("()]}.0123NIKJTXcibRodteulaspqrhjg\u0080\u0081\u0085\u008c\u0093\u0094", "latin1"),
    );
    const bytes = fc.array(fc.oneof({ weight: 4, arbitrary: opcodes }, fc.nat(255)), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(bytes, async (list) => {
        const facts = await scan(Buffer.from([0x80, 4, ...list]), { piece: 16 });
        assert.match(facts.files[0]?.format ?? "", /^(?:pickle|joblib)$/);
      }),
      { numRuns: 1000 },
    );
  }).timeout(60_000);

  it("changed vectors end in a decision", async () => {
    const change = fc.record({ at: fc.nat(20_000), byte: fc.nat(255), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (name, list) => {
          let content = vector(name);
          for (const { at, byte, cut } of list) {
            if (content.length === 0) break;
            content = changed(content, at % content.length, byte);
            if (cut && byte > 128) content = content.subarray(0, at % content.length);
          }
          const facts = await scan(content, { piece: 1000 });
          decideFormat([facts], { ...DEFAULT_RULES, allow: FORMATS, allowPickle: true });
        },
      ),
      { numRuns: 500 },
    );
  }).timeout(120_000);
});
