import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { headerOf, TarFile } from "../../../src/importing/program/tar.ts";
import { checkedFiles, type SourceFile } from "../../../src/importing/program/source.ts";
import { parseHeader, parsePax } from "../../../src/formats/container/tar-header.ts";

function file(path: string, text: string, size: number | undefined = Buffer.byteLength(text)): SourceFile {
  return {
    path,
    size,
    async *read() {
      for (const character of text) yield await Promise.resolve(Buffer.from(character));
    },
  };
}

describe("the archive of an import", () => {
  let directory: string;
  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), "tar-"))));
  afterEach(() => rm(directory, { recursive: true }));

  async function pack(files: readonly SourceFile[], maxBytes = 1_000): Promise<Buffer> {
    const path = join(directory, "tar");
    const tar = await TarFile.create(path, maxBytes);
    try {
      for (const one of files) await tar.add(one);
      await tar.close();
    } finally {
      await tar.abandon();
    }
    return readFile(path);
  }

  it("is the same whether the size of a file was known before or not", async () => {
    assert.deepEqual(await pack([file("a", "text", undefined)]), await pack([file("a", "text")]));
  });

  it("has no file of another size than was said", async () => {
    for (const size of [3, 5]) await assert.rejects(pack([file("a", "text", size)]), { reason: "SourceMoved" });
    await assert.rejects(pack([file("a", "text", undefined)], 3), { reason: "TooLarge" });
  });

  it("has headers that the strict reader reads back, for every path and size", () => {
    const part = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((text) => !/[/\\\p{Cc}]/u.test(text));
    const size = fc.oneof(fc.nat(), fc.bigInt(8n * 1024n ** 3n - 2n, 8n * 1024n ** 3n + 9n).map(Number));
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join("/")),
        size,
        (path, bytes) => {
          const block = headerOf(path, bytes);
          const first = parseHeader(block.subarray(0, 512));
          assert.ok(typeof first === "object");
          if (first.type === "0") {
            assert.deepEqual([first.name, first.size], [path, bytes]);
            return;
          }
          const extended = parsePax(block.subarray(512, 512 + first.size));
          const own = parseHeader(block.subarray(block.length - 512));
          assert.ok(typeof own === "object" && extended !== undefined);
          assert.deepEqual([extended.path ?? own.name, extended.size ?? own.size], [path, bytes]);
        },
      ),
    );
  });

  it("has its files in one order, whatever order they are listed in", () => {
    const names = ["b", "a/z", "a.txt", "ä", "a/a"];
    const sorted = (list: readonly string[]) =>
      checkedFiles(list.map((name) => file(name, ""))).map(({ path }) => path);
    assert.deepEqual(sorted(names), ["a.txt", "a/a", "a/z", "b", "ä"]);
    assert.deepEqual(sorted(names.toReversed()), sorted(names));
    assert.throws(() => sorted(["a", "a"]), { reason: "HostileContent" });
  });
});
