import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import { DEFAULT_RULES, decideFormat, type FindingName, type ScanLimits } from "../../../src/formats/index.ts";
import { tar, zip } from "./support/archives.ts";
import { findingsOf, scan, vector } from "./support/scan.ts";

const text = { name: "a.txt", content: Buffer.from("hello\n") };

function nested(depth: number): Buffer {
  let content: Buffer = Buffer.from("hello\n");
  for (let level = 0; level < depth; level++) content = zip([{ name: "in", content }]);
  return content;
}

function pickle(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat([Buffer.from([0x80, 4]), ...parts.map((part) => Buffer.from(part as string, "latin1"))]);
}

describe("what passes a bound", () => {
  const cases: readonly (readonly [
    what: string,
    content: Buffer,
    limits: Partial<ScanLimits>,
    finding: FindingName,
  ])[] = [
    ["bytes", Buffer.alloc(1001, "a"), { maxBytes: 1000 }, "TooManyBytes"],
    ["unpacked bytes", gzipSync(Buffer.alloc(100_000)), { maxBytes: 50_000 }, "TooManyBytes"],
    ["files", zip([text, { ...text, name: "b" }, { ...text, name: "c" }]), { maxFiles: 3 }, "TooManyFiles"],
    ["archives in archives", nested(3), { maxDepth: 2 }, "TooDeep"],
    ["expansion", gzipSync(Buffer.alloc(20_000_000)), {}, "ExpansionRatio"],
    ["expansion in expansion", gzipSync(gzipSync(Buffer.alloc(100_000_000))), {}, "ExpansionRatio"],
    ["expansion in zlib", deflateSync(Buffer.alloc(20_000_000)), {}, "ExpansionRatio"],
    [
      "expansion in a zip archive",
      zip([{ name: "a", content: Buffer.alloc(20_000_000), deflate: true }]),
      {},
      "ExpansionRatio",
    ],
    ["opcodes", pickle("N0".repeat(3000), "N."), { maxOpcodes: 5000 }, "TooManyOpcodes"],
    ["values to remember", pickle("N", "\x94".repeat(11), "."), { maxMemo: 10 }, "MemoLimit"],
    ["a far value to remember", pickle("Nr\xff\xff\xff\xff."), {}, "MemoLimit"],
    ["values at once", pickle("N".repeat(11), "."), { maxStack: 10 }, "StackLimit"],
    ["marks at once", pickle("(".repeat(11), "."), { maxStack: 10 }, "StackLimit"],
    ["a long name", Buffer.from(`\x80\x02c${"a".repeat(5000)}\nb\n.`, "latin1"), {}, "StringLimit"],
    [
      "many types",
      pickle(...Array.from({ length: 11 }, (_, index) => `cmodule\nname${index}\n0`), "N."),
      { maxGlobals: 10 },
      "TooManyGlobals",
    ],
  ];
  for (const [what, content, limits, finding] of cases) {
    it(`${what}: ${finding}`, async () => {
      const facts = await scan(content, { limits });
      assert.ok(findingsOf(facts).includes(finding), findingsOf(facts).join());
      const decision = decideFormat([facts], { ...DEFAULT_RULES, allowPickle: true });
      assert.ok(decision.outcome === "Refused" && decision.reason === "LimitExceeded", JSON.stringify(decision));
    });
  }

  it("findings: so many, and then that there are more", async () => {
    const links = Array.from({ length: 20 }, (_, index) => ({ name: `l${index}`, type: "2" }));
    const { findings } = await scan(tar(links), { packing: "tar", limits: { maxFindings: 5 } });
    assert.equal(findings.length, 6);
    assert.equal(findings.at(-1)?.name, "TooManyFindings");
  });

  it("honest arrays compress by far less than a bomb", async () => {
    assert.deepEqual(findingsOf(await scan(vector("honest/compressed.npz"))), []);
  });
});
