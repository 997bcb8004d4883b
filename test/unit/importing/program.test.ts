import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { type AddressCheck, createAddressCheck } from "../../../src/egress/index.ts";
import type { ImportPlan, ImportResult } from "../../../src/importing/plan.ts";
import { runImport } from "../../../src/importing/program/run.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import { Bucket, keys } from "./support/bucket.ts";
import { TestServer } from "./support/server.ts";
import { registry } from "./support/store.ts";

const basic = `Basic ${Buffer.from("ci:a-push-password").toString("base64")}`;

describe("the import program", () => {
  const bucket = new Bucket("models");
  const store = registry(basic);
  let source: TestServer;
  let target: TestServer;
  let directory: string;
  let clock: FakeClock;

  before(async () => {
    [source, target] = await Promise.all([
      TestServer.start((request, response) => bucket.handle(request, response)),
      TestServer.start(store.handler),
    ]);
  });
  after(() => Promise.all([source.stop(), target.stop()]));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "import-"));
    await Promise.all(["volume", "secret", "login", "scratch"].map((name) => mkdir(join(directory, name))));
    await writeFile(join(directory, "secret/accessKeyId"), keys.accessKeyId);
    await writeFile(join(directory, "secret/secretAccessKey"), `${keys.secretAccessKey}\n`);
    const auths = { [target.host]: { username: "ci", password: "a-push-password" } };
    await writeFile(join(directory, "login/.dockerconfigjson"), JSON.stringify({ auths }));
    clock = new FakeClock();
    bucket.objects.clear();
    bucket.beforeRead = () => undefined;
    bucket.anonymous = false;
    source.handler = (request, response) => bucket.handle(request, response);
    source.asked.length = 0;
    for (const map of [store.blobs, store.manifests]) map.clear();
  });
  afterEach(() => rm(directory, { recursive: true }));

  function s3(more: object = {}): ImportPlan["source"] {
    return {
      ...{ kind: "s3", endpoint: `http://${source.host}`, bucket: "models", region: keys.region, secret: true },
      ...("key" in more ? {} : { prefix: "iris/" }),
      ...more,
    };
  }

  function http(more: object = {}): ImportPlan["source"] {
    const url = `http://${source.host}/iris.onnx`;
    return { kind: "http", url, redirectHosts: [], secret: false, ...more };
  }

  async function run(plan: Partial<ImportPlan>, addressCheck: AddressCheck = () => undefined): Promise<ImportResult> {
    const whole: ImportPlan = {
      source: s3(),
      from: "a test",
      repository: `${target.host}/models/iris`,
      ...{ login: true, tokenHosts: [], mode: "Import", maxBytes: 1_000_000 },
      ...{ plainHttpHosts: [source.host, target.host], deniedAddresses: [], architecture: "amd64" },
      ...plan,
    };
    const place = (name: string) => join(directory, name);
    let over = false;
    const running = runImport(whole, {
      ...{ volume: place("volume"), secret: place("secret"), login: place("login"), scratch: place("scratch") },
      ...{ caBundle: undefined, clock, signal: new AbortController().signal, addressCheck },
    }).finally(() => (over = true));
    // It waits between attempts.
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      if (clock.timers > 0) await clock.advance(10_000);
    }
    return running;
  }

  function failure(result: ImportResult): string {
    assert.equal(result.outcome, "Failed", JSON.stringify(result));
    assert.doesNotMatch(result.message, /a-push-password|a-secret-key|a-token/);
    return `${result.reason}: ${result.message}`;
  }

  const fill = (objects: Readonly<Record<string, string>>) => {
    for (const [key, text] of Object.entries(objects)) bucket.objects.set(key, Buffer.from(text));
  };

  it("pushes what a bucket holds below a prefix, over several pages, with each request signed", async () => {
    const name = "weights (1)+ä.bin";
    fill({ "iris/": "", "iris/a.json": "{}", [`iris/sub/${name}`]: "w", "iris/z": "", "other/x": "no" });
    const result = await run({});
    assert.equal(result.outcome, "Imported", JSON.stringify(result));
    assert.deepEqual([result.count, result.bytes], [3, 3]);
    const manifest = JSON.parse(store.manifests.get(result.digest)?.toString() ?? "") as {
      layers: { digest: string }[];
      annotations: object;
    };
    const layer = store.blobs.get(manifest.layers[0]?.digest ?? "");
    const listed = await execa("tar", ["-tf", "-"], { input: layer ?? "" });
    assert.deepEqual(
      listed.stdout.split("\n").map((line) => line.replaceAll("\\303\\244", "ä")),
      ["a.json", `sub/${name}`, "z"],
    );
    assert.deepEqual(manifest.annotations, {
      "io.mlsecops.import.source": "a test",
      "io.mlsecops.import.files": result.files,
    });
    assert.ok(source.asked.every(({ headers }) => headers.authorization?.includes("AWS4-HMAC-SHA256") === true));
  });

  it("gives the same content the same digest, in whatever it lies", async () => {
    fill({ "iris/b": "2", "iris/a/x": "1" });
    await mkdir(join(directory, "volume/iris/a"), { recursive: true });
    await writeFile(join(directory, "volume/iris/a/x"), "1");
    await writeFile(join(directory, "volume/iris/b"), "2");
    const [bucketed, mounted] = [await run({}), await run({ source: { kind: "pvc", path: "iris" } })];
    assert.ok(bucketed.outcome === "Imported" && mounted.outcome === "Imported");
    assert.equal(bucketed.digest, mounted.digest);
  });

  it("reads one object with its version, as anybody where there are no keys", async () => {
    bucket.anonymous = true;
    fill({ "iris/m.onnx": "model" });
    const result = await run({ source: s3({ key: "iris/m.onnx", versionId: "v3", secret: false }) });
    assert.equal(result.outcome, "Imported");
    assert.ok(source.asked.every(({ path }) => path === "/models/iris/m.onnx?versionId=v3"));
    assert.ok(source.asked.every(({ headers }) => headers.authorization === undefined));
  });

  it("says by the fingerprint, and else by the files, that nothing has changed", async () => {
    fill({ "iris/a": "1" });
    const first = await run({});
    assert.ok(first.outcome === "Imported");
    const known = { files: first.files, fingerprint: first.fingerprint };
    source.asked.length = 0;
    assert.deepEqual(await run({ known }), { outcome: "Unchanged" });
    assert.equal(source.asked.length, 1);
    assert.deepEqual(await run({ known: { files: first.files } }), { outcome: "Unchanged" });
    fill({ "iris/a": "2" });
    store.manifests.clear();
    const looked = await run({ known, mode: "Look" });
    assert.equal(looked.outcome, "Changed");
    assert.equal(store.manifests.size, 0);
    const followed = await run({ known });
    assert.ok(followed.outcome === "Imported");
    assert.equal(followed.files, looked.files);
  });

  it("does not import what its pin does not name", async () => {
    fill({ "iris/a": "1" });
    assert.match(failure(await run({ pin: `sha256:${"0".repeat(64)}` })), /^DigestMismatch: .*pin\.digest/);
    assert.equal(store.manifests.size, 0);
  });

  it("refuses an object that changes between the list and the read, after trying again", async () => {
    fill({ "iris/a": "1" });
    let reads = 0;
    bucket.beforeRead = () => fill({ "iris/a": `changed ${++reads}` });
    assert.match(failure(await run({})), /^SourceMoved/);
    assert.equal(reads, 3);
    bucket.beforeRead = () => (++reads === 4 ? fill({ "iris/a": "once more" }) : undefined);
    assert.equal((await run({})).outcome, "Imported");
  });

  for (const [what, objects] of [
    ["a way up", { "iris/../../etc/passwd": "x" }],
    ["an absolute path", { "iris//etc/passwd": "x" }],
    ["a control character", { "iris/a\nb": "x" }],
    ["a backslash", { "iris/a\\b": "x" }],
    ["a whiteout", { "iris/.wh.a": "x" }],
    ["a file that is a folder", { "iris/a": "x", "iris/a/b": "x" }],
    ["a name that is too long", { [`iris/${"n".repeat(300)}`]: "x" }],
  ] as const)
    it(`refuses ${what} among the keys`, async () => {
      fill(objects);
      assert.match(failure(await run({})), /^HostileContent/);
      assert.equal(store.manifests.size, 0);
    });

  it("refuses what is too large before it reads it, and what turns out so", async () => {
    fill({ "iris/a": "x".repeat(2_000) });
    source.asked.length = 0;
    assert.match(failure(await run({ maxBytes: 1_000 })), /^TooLarge: .*1000 bytes/);
    assert.equal(source.asked.length, 1);
    source.handler = (_, response) => {
      response.writeHead(200).write("x".repeat(2_000));
      response.end();
    };
    assert.match(failure(await run({ source: http(), maxBytes: 1_000 })), /^TooLarge/);
  });

  for (const [what, answer, reason] of [
    ["wrong keys", 403, /^SourceRefused: .*HTTP 403.*Secret/],
    ["a missing bucket", 404, /^SourceRefused: .*HTTP 404/],
    ["an endpoint that is out of order", 503, /^SourceUnavailable: .*HTTP 503/],
  ] as const)
    it(`tells ${what}`, async () => {
      source.handler = (_, response) => void response.writeHead(answer).end();
      assert.match(failure(await run({})), reason);
    });

  for (const [what, body] of [
    ["a page for people", "<html></html>"],
    [
      "an entity of its own",
      '<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>',
    ],
    [
      "an entry without a size",
      "<ListBucketResult><Contents><Key>iris/a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
    ],
    ["half an entry", "<ListBucketResult><Contents><Key>iris/a<IsTruncated>false</IsTruncated></ListBucketResult>"],
    [
      "an endless list",
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
    ],
    [
      "what is outside of the prefix",
      '<ListBucketResult><Contents><Key>else/a</Key><ETag>"x"</ETag><Size>1</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>',
    ],
  ] as const)
    it(`does not take ${what} for a list of objects`, async () => {
      source.handler = (_, response) => void response.writeHead(200).end(body);
      assert.match(failure(await run({})), /^(SourceRefused|HostileContent)/);
    });

  it("reads a file of a web server with the headers of a Secret, and compares its digest", async () => {
    await rm(join(directory, "secret"), { recursive: true });
    await mkdir(join(directory, "secret"));
    await writeFile(join(directory, "secret/Authorization"), "Bearer a-token\n");
    source.handler = (_, response) => void response.writeHead(200, { etag: '"1"' }).end("model");
    const sha256 = "sha256:9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4";
    const result = await run({ source: http({ sha256, secret: true }) });
    assert.equal(result.outcome, "Imported", JSON.stringify(result));
    assert.equal(source.asked[0]?.headers.authorization, "Bearer a-token");
    assert.match(
      failure(await run({ source: http({ sha256: `sha256:${"1".repeat(64)}`, secret: true }) })),
      /^DigestMismatch/,
    );
  });

  it("takes no secret along to another host, whatever its header is called", async () => {
    await writeFile(join(directory, "secret/Private-Token"), "a-token");
    const other = await TestServer.start((_, response) => void response.writeHead(200).end("model"));
    try {
      source.handler = (_, response) => void response.writeHead(302, { location: `http://${other.host}/there` }).end();
      const plainHttpHosts = [source.host, target.host, other.host];
      assert.match(
        failure(await run({ source: http({ secret: true }), plainHttpHosts })),
        /^SourceRefused: .*redirectHosts/,
      );
      assert.equal(other.asked.length, 0);
      const listed = http({ secret: true, redirectHosts: [other.host] });
      assert.equal((await run({ source: listed, plainHttpHosts })).outcome, "Imported");
      assert.equal(source.asked.at(-1)?.headers["private-token"], "a-token");
      assert.equal(other.asked.at(-1)?.headers["private-token"], undefined);
    } finally {
      await other.stop();
    }
  });

  for (const address of ["169.254.169.254", "127.0.0.2", "[::1]", "[::ffff:a9fe:a9fe]", "10.96.0.1"])
    it(`is not led to ${address}`, async () => {
      const real = createAddressCheck(["10.96.0.1/32"]);
      // Where the test has its own servers.
      const check: AddressCheck = (found) => (found === "127.0.0.1" ? undefined : real(found));
      source.handler = (_, response) => void response.writeHead(307, { location: `http://${address}/latest` }).end();
      // Even the administrator's leave, and the tenant's, to go there in the clear are not enough.
      const plan = { source: http({ redirectHosts: [`${address}:80`] }), plainHttpHosts: [source.host, address] };
      assert.match(failure(await run(plan, check)), /^SourceRefused: .*must not be reached/);
    });

  it("asks nobody on loopback, where no test has allowed it", async () => {
    fill({ "iris/a": "1" });
    assert.match(failure(await run({}, createAddressCheck([]))), /^SourceRefused: .*loopback/);
    assert.equal(source.asked.length, 0);
    const plan = { source: { kind: "pvc" } as const };
    await writeFile(join(directory, "volume/a"), "1");
    assert.match(failure(await run(plan, createAddressCheck([]))), /^RegistryRefused: .*loopback/);
    assert.equal((await run(plan)).outcome, "Imported");
  });

  it("follows no link of a volume, and opens nothing but files", async () => {
    const volume = join(directory, "volume");
    await writeFile(join(volume, "a"), "1");
    await symlink("/etc/passwd", join(volume, "b"));
    assert.match(failure(await run({ source: { kind: "pvc" } })), /^HostileContent: "b" is neither/);
    await rm(join(volume, "b"));
    await execa("mkfifo", [join(volume, "pipe")]);
    assert.match(failure(await run({ source: { kind: "pvc" } })), /^HostileContent: "pipe"/);
    await rm(join(volume, "pipe"));
    await symlink("/etc", join(volume, "etc"));
    assert.match(
      failure(await run({ source: { kind: "pvc", path: "etc/passwd" } })),
      /^HostileContent: "etc" is a link/,
    );
    assert.match(failure(await run({ source: { kind: "pvc", path: "../login" } })), /^HostileContent/);
    assert.match(failure(await run({ source: { kind: "pvc", path: "gone" } })), /^SourceRefused: .*pvc\.path/);
    await mkdir(join(volume, "empty"));
    assert.match(failure(await run({ source: { kind: "pvc", path: "empty" } })), /^NothingToImport/);
  });

  it("tells what the registry does not take, and says nothing of the login", async () => {
    await writeFile(join(directory, "volume/a"), "1");
    const auths = { [target.host]: { username: "ci", password: "a-push-password-of-old" } };
    await writeFile(join(directory, "login/.dockerconfigjson"), JSON.stringify({ auths }));
    const source = { kind: "pvc" } as const;
    assert.match(failure(await run({ source })), /^RegistryRefused: .*import\.pushSecret/);
    await writeFile(join(directory, "login/.dockerconfigjson"), "a-push-password");
    assert.match(failure(await run({ source })), /^Misconfigured: .*kubectl create secret/);
    await writeFile(join(directory, "login/.dockerconfigjson"), JSON.stringify({ auths }));
    assert.match(
      failure(await run({ source, repository: "127.0.0.1:9/models/iris" })),
      /^Registry(Unavailable|Refused)/,
    );
    assert.match(failure(await run({ source: s3(), login: false, repository: "x y" })), /^Misconfigured/);
  });

  it("leaves nothing in its scratch folder", async () => {
    fill({ "iris/a": "1" });
    await run({});
    await assert.rejects(readFile(join(directory, "scratch/layer.tar")), { code: "ENOENT" });
  });
});
