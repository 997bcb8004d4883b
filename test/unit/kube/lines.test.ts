import assert from "node:assert/strict";
import fc from "fast-check";
import { splitLines } from "../../../src/kube/lines.ts";

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const size of sizes) {
    await Promise.resolve();
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const result: string[] = [];
  for await (const line of lines) result.push(line);
  return result;
}

describe("lines of a stream", () => {
  it("are the same however the stream is cut into chunks", async () => {
    const line = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((text) => !text.includes("\n") && text.trim() !== "");
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat({ max: 9 })), async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        assert.deepEqual(await collect(splitLines(chunksOf(bytes, sizes), 10_000)), lines);
      }),
    );
  });

  it("drop an incomplete end and skip empty lines", async () => {
    assert.deepEqual(await collect(splitLines(chunksOf(Buffer.from("a\n\n \nb\nc"), [1]), 100)), ["a", "b"]);
  });

  for (const [what, text] of [
    ["complete", `${"x".repeat(101)}\n`],
    ["endless", "x".repeat(101)],
  ] as const) {
    it(`refuse one that is too long (${what})`, async () => {
      await assert.rejects(collect(splitLines(chunksOf(Buffer.from(`ok\n${text}`), [50, 30]), 100)), {
        reason: "LineTooLong",
      });
    });
  }
});
