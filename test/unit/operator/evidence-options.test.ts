import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readOptions } from "../../../src/operator/options.ts";
import { OPERATOR_VERSION } from "../../../src/operator/version.ts";

const evidence = (...args: readonly string[]) => readOptions(args.map((arg) => `--evidence-${arg}`)).evidence;

describe("the operator's options about evidence", () => {
  it("keep none unless asked", () => {
    assert.equal(evidence().store, "None");
  });

  it("name a directory, or a repository with what to push by", () => {
    assert.deepEqual(evidence("store=Directory", "directory=/evidence", "checkpoint-interval=1h", "key-secret=mine"), {
      store: "Directory",
      directory: "/evidence",
      checkpointMs: 3_600_000,
      keySecret: "mine",
    });
    const found = evidence("store=Repository", "repository=registry.test:5000/a/b", "push-secret=push");
    assert.ok(found.store === "Repository");
    assert.equal(found.repository.registry, "registry.test:5000");
    assert.equal(found.repository.repository, "a/b");
    assert.equal(found.pushSecret, "push");
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["store=Disk"], /--evidence-store: write None, Directory or Repository/],
    [["store=Directory"], /--evidence-store=Directory needs --evidence-directory=\/PATH/],
    [["store=Directory", "directory=evidence"], /write an absolute path/],
    [["store=Repository"], /--evidence-store=Repository needs --evidence-repository/],
    [["store=Repository", "repository=registry.test/a:v1"], /without tag or digest/],
    [["store=Repository", "repository=https://registry.test"], /without tag or digest/],
    [["store=None", "checkpoint-interval=1s"], /at least 1m/],
  ];
  for (const [args, message] of wrong)
    it(`say what to change about ${args.join(" ")}`, () => {
      assert.throws(() => evidence(...args), message);
    });

  it("come with the version of the package", () => {
    const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
    assert.equal(OPERATOR_VERSION, (JSON.parse(text) as { version: string }).version);
  });
});
