import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../../src/governance/canonical.ts";
import { DirectoryStore, StoreError } from "../../../src/governance/index.ts";
import type { NewRecord } from "../../../src/governance/store.ts";
import { nobody } from "./support/build.ts";

function record(chain: string, sequence: number, text = `${chain} ${sequence}`): NewRecord {
  return { chain, sequence, digest: digestOf(text), bytes: Buffer.from(text) };
}

describe("evidence in a directory", () => {
  let directory: string;
  let store: DirectoryStore;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "evidence-"));
    store = new DirectoryStore(directory);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("is a folder a chain, and a file a record", async () => {
    assert.deepEqual(await store.list(nobody), []);
    for (const sequence of [0, 1, 11]) assert.equal(await store.append(record("aaa", sequence), nobody), "Kept");
    assert.equal(await store.append(record("bbb", 0), nobody), "Kept");
    assert.deepEqual((await readdir(join(directory, "aaa"))).sort(), [
      "0000000000.json",
      "0000000001.json",
      "0000000011.json",
    ]);
    const places = await store.list(nobody);
    assert.deepEqual(
      places.map(({ chain, sequence }) => `${chain} ${sequence}`),
      ["aaa 0", "aaa 1", "aaa 11", "bbb 0"],
    );
    assert.equal((await store.read({ chain: "aaa", sequence: 11 }, nobody)).toString(), "aaa 11");
  });

  it("keeps the first of two records for one place, and takes the same one twice", async () => {
    assert.equal(await store.append(record("aaa", 0, "mine"), nobody), "Kept");
    assert.equal(await store.append(record("aaa", 0, "mine"), nobody), "Kept");
    assert.equal(await store.append(record("aaa", 0, "other"), nobody), "Taken");
    assert.equal((await readFile(join(directory, "aaa/0000000000.json"))).toString(), "mine");
    assert.deepEqual(await readdir(join(directory, "aaa")), ["0000000000.json"]);
  });

  it("lets one of many win who write at the same moment", async () => {
    const other = new DirectoryStore(directory);
    const appended = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? store : other).append(record("aaa", 0, `${n}`), nobody)),
    );
    assert.equal(appended.filter((one) => one === "Kept").length, 1);
  });

  it("writes nothing when the lease is lost on the way", async () => {
    await assert.rejects(store.append(record("aaa", 0), AbortSignal.abort()), { name: "AbortError" });
    assert.deepEqual(await readdir(join(directory, "aaa")), []);
  });

  it("passes over what is no evidence", async () => {
    await store.append(record("aaa", 0), nobody);
    await writeFile(join(directory, "aaa", "README"), "");
    await writeFile(join(directory, "aaa", ".0123.tmp"), "");
    await writeFile(join(directory, "lost+found"), "");
    await symlink("/etc", join(directory, "bbb"));
    assert.equal((await store.list(nobody)).length, 1);
  });

  it("says which directory cannot be used, and never reads without bound", async () => {
    const missing = new DirectoryStore(join(directory, "missing"));
    await assert.rejects(missing.list(nobody), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.code, "Unavailable");
      assert.match(error.message, /the evidence directory: .*missing/);
      return true;
    });
    await store.append(record("aaa", 0, "x".repeat(2 * 1024 * 1024)), nobody);
    await assert.rejects(store.read({ chain: "aaa", sequence: 0 }, nobody), /longer than/);
  });

  it("says that it cannot write", async () => {
    await writeFile(join(directory, "aaa"), "no folder");
    await assert.rejects(store.append(record("aaa", 0), nobody), /the evidence directory: EEXIST/);
  });
});
