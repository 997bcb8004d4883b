import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gathered } from "../../../src/trust/fact-cache.ts";
import { ArtifactStore } from "../../../src/trust/index.ts";
import { readBundle } from "../../../src/trust/bundle.ts";
import { createHash } from "node:crypto";
import { artifact, digestOf, now, vector, vectorDigests } from "./support/build.ts";

const key = "registry.example.com/models/iris@sha256:… anonymous";
const bytes = vector("p256.bundle.json");
const signed = {
  referrer: digestOf("c"),
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  bytes,
  claim: readBundle(bytes, vectorDigests.model),
};
const unasked = {
  referrer: digestOf("e"),
  digest: digestOf("f"),
  bytes: Buffer.alloc(0),
  claim: { kind: "NotRead", predicateType: "https://example.com/scan/v1" },
} as const;
const gathered: Gathered = {
  at: now,
  facts: artifact({
    digest: vectorDigests.model,
    bundles: [signed, unasked],
    content: [{ state: "Complete", bytes: 1, files: [], findings: [] }],
  }),
};

describe("what is kept over a restart", () => {
  let directory: string;
  let problems: unknown[];
  const open = async (maxBytes = 1024 * 1024): Promise<ArtifactStore> => {
    const store = new ArtifactStore(directory, { maxBytes, onProblem: (error) => problems.push(error) });
    await store.open();
    return store;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "artifact-store-"));
    problems = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("is what was gathered", async () => {
    await (await open()).keep(key, gathered);
    assert.deepEqual(await (await open()).load(key), gathered);
  });

  it("is nothing for another artifact, or whoever asks with other rights", async () => {
    const store = await open();
    await store.keep(key, gathered);
    assert.equal(await store.load(`${key} somebody`), undefined);
  });

  it("leaves out what was not read to its end, and what was damaged", async () => {
    const store = await open();
    await store.keep(key, { at: now, facts: artifact({ layers: { state: "NotChecked" } }) });
    assert.equal(await store.load(key), undefined);
    const damaged = { ...unasked, claim: { kind: "Malformed", problem: "cut off" } } as const;
    await store.keep(key, { at: now, facts: { ...gathered.facts, bundles: [signed, damaged] } });
    assert.deepEqual((await store.load(key))?.facts.bundles, [signed]);
  });

  it("is forgotten with what the registry has no longer", async () => {
    const store = await open();
    await store.keep(key, gathered);
    await store.forget(key);
    await store.forget("never kept");
    assert.equal(await store.load(key), undefined);
  });

  for (const [what, change] of [
    ["cut short", (text: string) => text.slice(0, -10)],
    ["of another version", (text: string) => text.replace('"version":1', '"version":2')],
    ["about another artifact", (text: string) => text.replace("models/iris@", "models/other@")],
    ["with another bundle", (text: string) => text.replace(/"bytes":"ey/, '"bytes":"eX')],
    ["with content that is none", (text: string) => text.replace('"Complete"', '"Complet"')],
  ] as const) {
    it(`is nothing where a file is ${what}`, async () => {
      const store = await open();
      await store.keep(key, gathered);
      const [file = ""] = await readdir(directory);
      const path = join(directory, file);
      const text = await readFile(path, "utf8");
      assert.notEqual(change(text), text);
      await writeFile(path, change(text));
      assert.equal(await store.load(key), undefined);
    });
  }

  it("stays within its bound: the oldest go", async () => {
    const store = await open();
    for (const name of ["a", "b", "c"]) await store.keep(name, gathered);
    const files = await readdir(directory);
    for (const [at, name] of files.entries()) await utimes(join(directory, name), at, at);
    const { length } = await readFile(join(directory, files[0] ?? ""));
    await open(length * 2 + 10);
    assert.deepEqual((await readdir(directory)).sort(), files.slice(1).sort());
  });

  it("says so when it cannot write, and goes on", async () => {
    const store = await open();
    await rm(directory, { recursive: true });
    await store.keep(key, gathered);
    assert.equal(problems.length, 1);
  });
});
