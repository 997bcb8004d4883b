import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import zlib from "node:zlib";
import { pax, tar, tarHeader, type TarEntry } from "./support/archives.ts";
import { findingsOf, scan } from "./support/scan.ts";

const file = { name: "model.txt", content: "hello\n" };

describe("layers that are tar archives", () => {
  const sound: readonly (readonly [what: string, entries: readonly TarEntry[], paths: readonly string[]])[] = [
    ["a file", [file], ["model.txt"]],
    [
      "a file in a directory",
      [
        { name: "a/", type: "5" },
        { ...file, name: "./a/b.txt" },
      ],
      ["a/b.txt"],
    ],
    ["a prefix", [{ ...file, prefix: "long/way" }], ["long/way/model.txt"]],
    ["no magic, as before POSIX", [{ ...file, magic: "" }], ["model.txt"]],
    ["the magic of GNU", [{ ...file, magic: "ustar  \0" }], ["model.txt"]],
    ["a pax path", [pax({ path: "ünï/código.txt" }), file], ["ünï/código.txt"]],
    ["a pax size", [pax({ size: "6" }), { ...file, content: "hello\n" }], ["model.txt"]],
    [
      "a GNU long name",
      [{ name: "././@LongLink", type: "L", content: `${"d/".repeat(80)}f\0` }, file],
      [`${"d/".repeat(80)}f`],
    ],
    ["a global pax header", [pax({ comment: "x" }, "g"), file], ["model.txt"]],
    ["a size in binary", [{ ...file, size: "\x80\0\0\0\0\0\0\0\0\0\0\x06" }], ["model.txt"]],
  ];
  for (const [what, entries, paths] of sound) {
    it(`with ${what}`, async () => {
      const facts = await scan(tar(entries), { packing: "tar", piece: 300 });
      assert.deepEqual(findingsOf(facts), []);
      assert.deepEqual(
        facts.files.map(({ path, size }) => [path, size]),
        paths.map((path) => [path, 6]),
      );
    });
  }

  const unsound: readonly (readonly [what: string, content: Buffer, findings: readonly string[]])[] = [
    ["a symlink", tar([{ name: "a", type: "2" }, file]), ["Symlink"]],
    ["a hard link", tar([{ name: "a", type: "1" }]), ["Hardlink"]],
    ["a device", tar([{ name: "a", type: "3" }]), ["Device"]],
    ["a pipe", tar([{ name: "a", type: "6" }]), ["Device"]],
    ["an entry of an unknown type", tar([{ name: "a", type: "Z", content: "x" }]), ["UnknownEntryType", "Malformed"]],
    ["an absolute path", tar([{ ...file, name: "/etc/x" }]), ["AbsolutePath"]],
    ["a drive", tar([{ ...file, name: "C:x" }]), ["AbsolutePath"]],
    ["a path that leads up", tar([{ ...file, name: "a/../../b" }]), ["ParentPath"]],
    ["a pax path that leads up", tar([pax({ path: "../b" }), file]), ["ParentPath"]],
    ["a backslash", tar([{ ...file, name: "a\\b" }]), ["BadPath"]],
    ["a path that is no UTF-8", tar([Buffer.from(tarHeader({ name: "ab", size: "00000000000\0" }))]), []],
    ["a file twice", tar([file, file]), ["DuplicatePath"]],
    ["a file twice, spelt otherwise", tar([file, { ...file, name: ".//model.txt" }]), ["DuplicatePath"]],
    ["a sparse file", tar([pax({ "GNU.sparse.major": "1" }), file]), ["Sparse"]],
    ["an old sparse file", tar([{ ...file, type: "S" }]), ["Sparse"]],
    ["a whiteout", tar([{ ...file, name: "a/.wh.b" }]), ["Whiteout"]],
    ["a directory that is made opaque", tar([{ ...file, name: "a/.wh..wh..opq" }]), ["Whiteout"]],
    ["a path that is too long", tar([pax({ path: "a".repeat(2000) }), file]), ["PathTooLong"]],
    ["no end", tar([file], false), ["Truncated"]],
    ["half a file", tar([file]).subarray(0, 514), ["Truncated"]],
    ["half a header", tar([file, file]).subarray(0, 1200), ["Truncated"]],
    ["something after its end", Buffer.concat([tar([file]), Buffer.from("x")]), ["TrailingData"]],
    ["a header that was changed", tar([Buffer.from(tarHeader(file)).fill("X", 0, 1)]), ["BadChecksum"]],
    ["a pax header that cannot be read", tar([{ name: "p", type: "x", content: "99 path=a\n" }, file]), ["Malformed"]],
    ["a directory of old with content", tar([{ name: "a/", type: "\0", content: "x" }]), ["Malformed"]],
    ["a file with the name of a directory", tar([{ name: "a/", content: "x" }]), ["Malformed"]],
    ["a global pax header that names files", tar([pax({ path: "a" }, "g"), file]), ["Malformed"]],
    ["two extended headers for one file", tar([pax({ path: "a" }), pax({ path: "b" }), file]), ["Malformed"]],
    ["a directory with content", tar([{ name: "a", type: "5", content: "x" }]), ["Malformed"]],
  ];
  for (const [what, content, findings] of unsound) {
    it(`with ${what}: ${findings.join(", ") || "nothing"}`, async () => {
      assert.deepEqual(findingsOf(await scan(content, { packing: "tar" })), findings);
    });
  }

  it("are unpacked by their first bytes", async () => {
    const content = tar([file]);
    const packed = gzipSync(content);
    assert.deepEqual((await scan(packed, { packing: "tar" })).files, (await scan(content, { packing: "tar" })).files);
  });

  it("may come in several gzip members, wherever a piece ends", async () => {
    const content = tar([file]);
    const first = gzipSync(content.subarray(0, 700));
    const packed = Buffer.concat([first, gzipSync(content.subarray(700))]);
    for (const piece of [first.length, first.length - 1, first.length + 1, 5, 4096]) {
      const facts = await scan(packed, { packing: "tar", piece });
      assert.deepEqual(findingsOf(facts), [], `pieces of ${piece}`);
      assert.equal(facts.files.length, 1, `pieces of ${piece}`);
    }
  });

  it("must not be followed by anything in the packed data", async () => {
    const packed = gzipSync(tar([file]));
    for (const after of [Buffer.alloc(20), Buffer.from("more of it")]) {
      const findings = findingsOf(await scan(Buffer.concat([packed, after]), { packing: "tar" }));
      assert.ok(["TrailingData", "Malformed"].includes(findings[0] ?? ""), findings.join());
    }
  });

  it("must be whole", async () => {
    const packed = gzipSync(tar([file]));
    assert.deepEqual(findingsOf(await scan(packed.subarray(0, -9), { packing: "tar" })), ["Malformed"]);
  });

  it("with zstd are read where Node can", async function () {
    const content = tar([file]);
    if (typeof zlib.zstdCompressSync === "function") {
      const facts = await scan(zlib.zstdCompressSync(content), { packing: "tar" });
      assert.equal(facts.files.length, 1);
      assert.deepEqual(findingsOf(facts), []);
      const skipped = Buffer.from("502a4d180400000061626364", "hex");
      const [first, second] = [content.subarray(0, 700), content.subarray(700)].map((part) =>
        zlib.zstdCompressSync(part),
      );
      const frames = Buffer.concat([first ?? skipped, skipped, second ?? skipped, skipped]);
      for (const piece of [7, 4096]) {
        const found = await scan(frames, { packing: "tar", piece });
        assert.deepEqual([findingsOf(found), found.files], [[], facts.files]);
      }
      const after = await scan(Buffer.concat([frames, Buffer.from("garbage")]), { packing: "tar" });
      assert.deepEqual(findingsOf(after), ["TrailingData"]);
    } else {
      await assert.rejects(scan(Buffer.from("28b52ffd00", "hex"), { packing: "tar" }), /Unsupported/);
    }
  });
});
