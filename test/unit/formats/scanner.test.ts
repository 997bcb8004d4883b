import assert from "node:assert/strict";
import { FormatScanner, type ContentFacts, type LayerToScan, type ScannerOptions } from "../../../src/formats/index.ts";
import { tar } from "./support/archives.ts";
import { pieces, scan, vector } from "./support/scan.ts";

const raw: LayerToScan = { mediaType: "application/octet-stream", name: "model.bin" };

function shell(script: string, options: ScannerOptions = {}): FormatScanner {
  return new FormatScanner({ command: ["/bin/sh", "-c", script], ...options });
}

describe("the scan in a process of its own", () => {
  it("finds what the scan in this one finds", async () => {
    for (const name of ["honest/rf.joblib", "malicious/nested.zip", "honest/lr.onnx"]) {
      const content = vector(name);
      const facts = await new FormatScanner().scan({ ...raw, name }, pieces(content, 1000));
      assert.deepEqual(facts, await scan(content, { name }));
    }
  }).timeout(60_000);

  it("reads layers by their media type", async () => {
    const content = tar([{ name: "a/b.txt", content: "hello\n" }]);
    for (const mediaType of [
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ]) {
      const facts = await new FormatScanner().scan({ mediaType }, [content]);
      assert.equal(facts.state === "Complete" && facts.files[0]?.path, "a/b.txt");
    }
  }).timeout(60_000);

  it("takes a digest that the caller compares, of a raw layer only", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const scanner = new FormatScanner();
    const known = await scanner.scan({ ...raw, digest }, [Buffer.from("hello\n")]);
    assert.equal(known.state === "Complete" && known.files[0]?.sha256, "a".repeat(64));
    const mediaType = "application/vnd.oci.image.layer.v1.tar";
    const inTar = await scanner.scan({ mediaType, digest }, [tar([{ name: "a", content: "hello\n" }])]);
    assert.match(String(inTar.state === "Complete" && inTar.files[0]?.sha256), /^5891b5b522d5/);
  }).timeout(60_000);

  it("sees nothing of the environment", async () => {
    const facts = await shell('echo "Error: HOME is $HOME, PWD is $PWD" >&2; exit 3').scan(raw, []);
    assert.ok(
      facts.state === "Incomplete" && facts.detail.endsWith("Error: HOME is , PWD is /"),
      JSON.stringify(facts),
    );
  });

  const outcomes: readonly (readonly [what: string, script: string, reason: string])[] = [
    ["no output", "exit 0", "Unparsable"],
    ["no JSON", "echo hello", "Unparsable"],
    ["other JSON", `echo '{"state":"Complete","files":[]}'`, "Unparsable"],
    ["facts with more in them", `echo '{"state":"Complete","bytes":1,"files":[],"findings":[],"x":1}'`, "Unparsable"],
    [
      "a made-up format",
      `echo '{"state":"Complete","bytes":1,"files":[{"path":"a","size":1,"format":"safe"}],"findings":[]}'`,
      "Unparsable",
    ],
    [
      "endless output",
      "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
      "Unparsable",
    ],
    ["a crash", "echo 'TypeError: no' >&2; exit 1", "Crashed"],
    ["an end by a signal", "kill -SEGV $$", "Crashed"],
    ["being killed", "kill -KILL $$", "OutOfMemory"],
    ["Node's own words", "echo 'FATAL ERROR: JavaScript heap out of memory' >&2; kill -ABRT $$", "OutOfMemory"],
    ["endless work", "exec sleep 60", "TimedOut"],
  ];
  for (const [what, script, reason] of outcomes) {
    it(`${what}: ${reason}`, async () => {
      const facts = await shell(script, { timeoutMs: 3000 }).scan(raw, [Buffer.from("hello")]);
      assert.equal(facts.state === "Incomplete" ? facts.reason : facts.state, reason, JSON.stringify(facts));
    });
  }

  it("a program that is not there: CannotStart", async () => {
    const facts = await new FormatScanner({ command: ["/nowhere/node"] }).scan(raw, [Buffer.from("hello")]);
    assert.equal(facts.state === "Incomplete" && facts.reason, "CannotStart", JSON.stringify(facts));
  });

  it("never holds up who writes to a process that has ended", async () => {
    const scan = await shell("exit 1").start(raw);
    for (let count = 0; count < 100; count++) await scan.write(Buffer.alloc(64 * 1024));
    assert.equal((await scan.end()).state, "Incomplete");
  });

  it("ends with its signal, and when it is abandoned", async () => {
    const controller = new AbortController();
    const scanner = shell("exec sleep 60", { concurrency: 1 });
    const scan = await scanner.start({ ...raw, signal: controller.signal });
    controller.abort();
    const facts = await scan.end();
    assert.equal(facts.state === "Incomplete" && facts.reason, "Cancelled");
    await (await scanner.start(raw)).abandon();
    await (await scanner.start({ ...raw, signal: controller.signal })).abandon();
  });

  it("runs so many at once, and the next when one has ended", async () => {
    const scanner = shell("exec sleep 60", { concurrency: 1 });
    const first = await scanner.start(raw);
    let started = false;
    const second = scanner.start(raw).then((scan) => ((started = true), scan));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(started, false);
    await first.abandon();
    await (await second).abandon();
  });

  it("fails as the source of the bytes fails", async () => {
    const broken = (function* (): Generator<Buffer> {
      yield Buffer.from("hello");
      throw new Error("the registry is gone");
    })();
    await assert.rejects(new FormatScanner().scan(raw, broken), /the registry is gone/);
  });
});

function pickle(...parts: readonly string[]): Buffer {
  return Buffer.from(["\x80\x04", ...parts].join(""), "latin1");
}

describe("the memory of a scan", () => {
  const names = (): string => Array.from({ length: 240_000 }, (_, at) => `\x8c\x08a${1_000_000 + at}\x94`).join("");
  const greedy: readonly (readonly [string, () => Buffer])[] = [
    ["nested tuples", () => pickle(")", "\x85".repeat(2_000_000), ".")],
    ["many tuples", () => pickle("(", "K\x01K\x02\x86\x94".repeat(240_000), "t.")],
    ["many dicts", () => pickle("(", "}\x94".repeat(240_000), "t.")],
    ["dicts that hold something", () => pickle("(", "}\x94(X\x01\0\0\0aK\x01u".repeat(240_000), "t.")],
    ["a dict of itself", () => pickle("}q\0", "h\0h\0s".repeat(500_000), ".")],
    ["many names", () => pickle("(", names(), "t.")],
    ["a long line", () => pickle("V", "a".repeat(50_000_000), "\n.")],
    ["large bytes", () => pickle("B\x80\xf0\xfa\x02", "a".repeat(50_000_000), ".")],
    [
      "a long JSON text",
      () => Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(50_000_000, "a"), Buffer.from('"}')]),
    ],
    ["much JSON", () => Buffer.concat([Buffer.from("[1"), Buffer.alloc(10_000_000, ",1"), Buffer.from("]")])],
  ];
  for (const [what, content] of greedy) {
    it(`is enough for ${what}`, async () => {
      const facts: ContentFacts = await new FormatScanner().scan(raw, pieces(content(), 1_000_000));
      assert.ok(facts.state === "Complete" && facts.files[0]?.findings.length === 0, JSON.stringify(facts));
    }).timeout(120_000);
  }
});
