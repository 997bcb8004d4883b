import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { ImportPlan, ImportResult } from "../../../src/importing/plan.ts";
import { runImport } from "../../../src/importing/program/run.ts";
import { systemClock } from "../../../src/kube/index.ts";
import { TestServer } from "../../unit/importing/support/server.ts";
import { registry } from "../../unit/importing/support/store.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What store.py says of itself. */
interface Store {
  readonly host: string;
  readonly region: string;
  readonly bucket: string;
  /** A key with all that a signature may stumble over. */
  readonly odd: string;
  /** Of iris/model.onnx, the older first. */
  readonly versions: readonly [string, string];
  readonly reader: Keys;
  readonly stranger: Keys;
}

/**
 * The import program, beside an S3 implementation that knows nothing of it. By itself moto looks at no signature; store.py has
 * it compute each with AWS' library. AWS' published vectors are in the unit tests of the signature.
 */
describe("the import program, beside an S3 store", function () {
  this.timeout(120_000);
  const pushed = registry();
  let child: ChildProcess;
  let store: Store;
  let target: TestServer;
  let directory: string;

  before(async () => {
    target = await TestServer.start(pushed.handler);
    directory = await mkdtemp(join(tmpdir(), "s3-"));
    await Promise.all(["secret", "scratch"].map((name) => mkdir(join(directory, name))));
    const python = join(process.env["S3_VENV"] ?? "", "bin/python");
    child = spawn(python, ["-B", join(import.meta.dirname, "store.py")], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "exit").then(() => Promise.reject(new Error("the S3 store ended: see above")));
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
    ended.catch(() => undefined);
    store = JSON.parse(line) as Store;
  });
  after(async () => {
    child.stdin?.end();
    const ended = child.exitCode === null ? once(child, "exit") : undefined;
    await Promise.all([ended, target.stop(), rm(directory, { recursive: true })]);
  });

  async function run(
    source: object,
    { keys = store.reader, ...more }: Partial<ImportPlan> & { keys?: Keys } = {},
  ): Promise<ImportResult> {
    for (const [name, value] of Object.entries(keys)) await writeFile(join(directory, "secret", name), String(value));
    const { bucket, region, host } = store;
    const plan: ImportPlan = {
      source: {
        kind: "s3",
        endpoint: `http://${host}`,
        bucket,
        region,
        secret: true,
        ...source,
      },
      from: "a test",
      repository: `${target.host}/models/iris`,
      ...{ login: false, tokenHosts: [], mode: "Import", maxBytes: 1_000_000, architecture: "amd64" },
      ...{ plainHttpHosts: [host, target.host], deniedAddresses: [] },
      ...more,
    };
    const place = (name: string) => join(directory, name);
    return runImport(plan, {
      ...{ volume: place("volume"), secret: place("secret"), login: place("login"), scratch: place("scratch") },
      ...{ caBundle: undefined, clock: systemClock, signal: new AbortController().signal },
      // The store is on loopback.
      addressCheck: () => undefined,
    });
  }

  /** Paths and contents of the layer that was pushed. */
  async function contentOf(result: ImportResult): Promise<ReadonlyMap<string, string>> {
    assert.equal(result.outcome, "Imported", JSON.stringify(result));
    const manifest = JSON.parse(pushed.manifests.get(result.digest)?.toString() ?? "") as {
      layers: { digest: string }[];
    };
    const layer = pushed.blobs.get(manifest.layers[0]?.digest ?? "");
    const unpacked = await mkdtemp(join(directory, "layer-"));
    await execa("tar", ["-xf", "-", "-C", unpacked], { input: layer ?? "" });
    const { stdout } = await execa("find", [".", "-type", "f", "-printf", "%P\\0"], { cwd: unpacked });
    const paths = stdout.split("\0").filter((path) => path !== "");
    const texts = await Promise.all(paths.map((path) => readFile(join(unpacked, path), "utf8")));
    return new Map(paths.map((path, at) => [path, texts[at] ?? ""]));
  }

  function failure(result: ImportResult): string {
    assert.equal(result.outcome, "Failed", JSON.stringify(result));
    assert.ok(!result.message.includes(store.reader.secretAccessKey));
    return `${result.reason}: ${result.message}`;
  }

  it("imports more objects than one answer lists", async () => {
    const content = await contentOf(await run({ prefix: "many/" }));
    assert.equal(content.size, 1203);
    assert.deepEqual([content.get("part-0000"), content.get("part-1202")], ["0", "1202"]);
  });

  it("imports keys with all that has to be encoded, and leaves out what stands for a folder", async () => {
    const content = await contentOf(await run({ prefix: "iris/" }));
    assert.deepEqual(
      content,
      new Map([
        ["model.onnx", "second"],
        [store.odd.slice("iris/".length), "odd"],
      ]),
    );
  });

  it("reads the version that is named, and else the newest", async () => {
    const key = "iris/model.onnx";
    const [older, newer] = store.versions;
    for (const [versionId, text] of [
      [older, "first"],
      [newer, "second"],
      [undefined, "second"],
    ]) {
      const content = await contentOf(await run({ key, ...(versionId === undefined ? {} : { versionId }) }));
      assert.deepEqual([...content], [["model.onnx", text]]);
    }
  });

  it("says by one list that nothing has changed", async () => {
    const first = await run({ prefix: "iris/" });
    assert.ok(first.outcome === "Imported");
    const known = { files: first.files, fingerprint: first.fingerprint };
    assert.deepEqual(await run({ prefix: "iris/" }, { known }), { outcome: "Unchanged" });
  });

  it("asks for other keys where they are wrong, unknown, or may not read", async () => {
    const { reader, stranger } = store;
    const wrong: readonly Keys[] = [
      { ...reader, secretAccessKey: `${reader.secretAccessKey.slice(0, -1)}~` },
      { ...reader, accessKeyId: "AKIAUNKNOWNUNKNOWN00" },
      stranger,
    ];
    for (const keys of wrong)
      for (const source of [{ prefix: "iris/" }, { key: "iris/model.onnx" }])
        assert.match(
          failure(await run(source, { keys })),
          /^SourceRefused: .* HTTP 403, .*give a Secret that may read it/,
        );
  });

  it("says that a bucket, an object or a version is not there", async () => {
    for (const source of [
      { bucket: "not-there", prefix: "iris/" },
      { key: "iris/not-there" },
      { key: "iris/model.onnx", versionId: "00000000-0000-0000-0000-000000000000" },
    ])
      assert.match(failure(await run(source)), /^SourceRefused: .* HTTP 404, .*it is not there/);
    assert.match(failure(await run({ prefix: "not-there/" })), /^NothingToImport: /);
  });

  it("follows no redirect to another host, be it the store itself", async () => {
    const elsewhere = await TestServer.start((request, response) => {
      response.writeHead(307, { location: `http://${store.host}${request.url ?? ""}` }).end();
    });
    try {
      const endpoint = `http://${elsewhere.host}`;
      const plainHttpHosts = [elsewhere.host, store.host, target.host];
      const text = failure(await run({ endpoint, prefix: "iris/" }, { plainHttpHosts }));
      assert.match(text, /^SourceRefused: the source leads to another host/);
      assert.equal(elsewhere.asked.length, 1);
    } finally {
      await elsewhere.stop();
    }
  });
});
