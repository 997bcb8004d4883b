import assert from "node:assert/strict";
import { zip, type ZipFile } from "./support/archives.ts";
import { findingsOf, scan, vector } from "./support/scan.ts";

const text: ZipFile = { name: "a.txt", content: Buffer.from("hello hello hello hello\n") };
const shell = vector("malicious/shell.p4.pkl");

describe("zip archives", () => {
  const ways: readonly (readonly [string, Partial<ZipFile>])[] = [
    ["stored", {}],
    ["deflated", { deflate: true }],
    ["stored, with the sizes after the content", { streamed: true }],
    ["deflated, with the sizes after the content", { deflate: true, streamed: true }],
  ];
  for (const [what, way] of ways) {
    it(`are read when ${what}`, async () => {
      const content = zip([
        { ...text, ...way },
        { name: "b.bin", content: Buffer.concat([Buffer.from("PK\x07\x08"), shell]), ...way },
        { name: "c.pkl", content: shell, ...way },
      ]);
      for (const piece of [1, 3, 50, 5000]) {
        const { files, findings } = await scan(content, { piece });
        assert.deepEqual(findings, []);
        assert.deepEqual(
          files.map((file) => [file.path, file.format, file.findings.length]),
          [
            ["model!/a.txt", "text", 0],
            ["model!/b.bin", "unknown", 0],
            ["model!/c.pkl", "pickle", 0],
            ["model", "zip", 0],
          ],
        );
      }
    });
  }

  const unsound: readonly (readonly [what: string, content: Buffer, finding: string])[] = [
    ["a name that the directory spells otherwise", zip([{ ...text, listed: { name: "b.txt" } }]), "ZipInconsistent"],
    ["another checksum in the directory", zip([{ ...text, listed: { crc: 1 } }]), "ZipInconsistent"],
    ["a gap between files", zip([text, { ...text, name: "b" }], { gap: 3 }), "ZipInconsistent"],
    ["a symlink", zip([{ ...text, listed: { mode: 0o120777 } }]), "Symlink"],
    ["an encrypted file", zip([{ ...text, flags: 1 }]), "Encrypted"],
    ["a method that cannot be read", zip([{ ...text, method: 14 }]), "CompressedUnreadable"],
    ["a path that leads up", zip([{ ...text, name: "../a" }]), "ParentPath"],
    ["a file twice", zip([text, text]), "DuplicatePath"],
    ["bytes after its end", Buffer.concat([zip([text]), Buffer.from("x")]), "TrailingData"],
    ["a comment that is too short", zip([text], { comment: "abc" }).subarray(0, -1), "TrailingData"],
    ["no directory", zip([text]).subarray(0, 59), "Truncated"],
    ["half a directory", zip([text]).subarray(0, -30), "ZipInconsistent"],
    ["half a file", zip([{ ...text, deflate: true }]).subarray(0, 45), "Malformed"],
    ["another archive after it", Buffer.concat([zip([text]), zip([{ ...text, content: shell }])]), "TrailingData"],
  ];
  for (const [what, content, finding] of unsound) {
    it(`with ${what}: ${finding}`, async () => {
      assert.ok(findingsOf(await scan(content)).includes(finding), findingsOf(await scan(content)).join());
    });
  }

  it("are checked against the content itself", async () => {
    const content = zip([text]);
    content.writeUInt8(0x58, 36);
    assert.deepEqual(findingsOf(await scan(content)), ["ZipInconsistent"]);
  });

  it("may be empty", async () => {
    const { files } = await scan(zip([]));
    assert.deepEqual(
      files.map(({ format, findings }) => [format, findings]),
      [["zip", []]],
    );
  });
});
