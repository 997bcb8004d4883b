import assert from "node:assert/strict";
import { readFile, mkdir, readdir, rm, chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { Bucket, keys } from "../unit/importing/support/bucket.ts";
import { apply, kubectl, must } from "./support/kubectl.ts";
import { model, namespaceObject, policy, secret } from "./support/objects.ts";
import { condition, events, find, grantOf, modelBecomes } from "./support/read.ts";
import { required } from "./support/trouble-registry.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

describe("models from elsewhere", function () {
  this.timeout(180_000);
  const namespace = unique("import");
  const volume = join(required("MLSECOPS_CLUSTER_STATE"), "run", namespace);
  const bucket = new Bucket("models");
  const files = new Map<string, Buffer>();
  const kinds = ["s3", "http", "pvc"];
  const brought = new Map<string, Promise<void>>();
  let world: World;

  before(async () => {
    world = await openWorld();
    const { artifacts, runtime, trouble } = world;
    const onnx = (await readdir(artifacts.directory)).find((name) => name.endsWith(".onnx")) ?? "";
    const content = await readFile(join(artifacts.directory, onnx));
    files.set("/files/iris.onnx", content);
    bucket.objects.set("iris/v1/iris.onnx", content);
    bucket.objects.set("iris/v1/notes/read me.txt", Buffer.from("one"));
    await mkdir(join(volume, "iris"), { recursive: true });
    await copyFile(join(artifacts.directory, onnx), join(volume, "iris/iris.onnx"));
    for (const path of [volume, join(volume, "iris")]) await chmod(path, 0o755);
    await chmod(join(volume, "iris/iris.onnx"), 0o644);
    trouble.page = (request, response) => {
      const path = request.url ?? "";
      if (path.startsWith("/models")) bucket.handle(request, response);
      else if (!path.startsWith("/files/")) return false;
      else if (request.headers["x-token"] !== "a-download-token") response.writeHead(403).end();
      else response.writeHead(files.has(path) ? 200 : 404).end(files.get(path));
      return true;
    };
    await apply(
      policy(
        namespace,
        { references: ["**"], namespaces: [namespace] },
        { inline: artifacts.publicKey },
        { validity: { recheckAfter: "10s", validFor: "1h" } },
      ),
      namespaceObject(namespace),
      secret(namespace, "bucket", { accessKeyId: keys.accessKeyId, secretAccessKey: keys.secretAccessKey }),
      secret(namespace, "headers", { "X-Token": "a-download-token" }),
      ...claim(),
    );
    await securedNamespace(namespace, { allowedImages: [{ name: "runtime", reference: runtime }] });
    const s3 = { endpoint: `https://${trouble.host}`, bucket: "models", region: keys.region };
    await apply(
      importing("s3", { s3: { ...s3, prefix: "iris/v1/", credentialsSecret: "bucket" } }),
      importing("http", { http: { url: `https://${trouble.host}/files/iris.onnx`, headersSecret: "headers" } }),
      importing("pvc", { pvc: { claimName: "models", path: "iris" } }),
      importing("refused", { http: { url: `https://${trouble.host}/files/iris.onnx` } }),
      importing("inside", { http: { url: "https://kubernetes.default.svc/api" } }),
    );
    // Each waits for its signature to be noticed: side by side they wait once.
    for (const name of kinds) {
      const result = bring(name);
      result.catch(() => undefined);
      brought.set(name, result);
    }
  });

  async function bring(name: string): Promise<void> {
    const unsigned = await modelBecomes(namespace, name, "NoSignature", 90_000);
    const imported = unsigned?.status?.source?.imported;
    const reference = `${imported?.repository ?? ""}@${imported?.digest ?? ""}`;
    assert.ok(condition(unsigned).message.includes(imported?.digest ?? "none"), condition(unsigned).message);
    assert.equal(condition(unsigned, "SourceUnchanged").reason, "Unchanged");
    await world.artifacts.sign(reference);
    const serving = await modelBecomes(namespace, name, "Serving", 60_000);
    assert.equal(serving?.status?.active?.digest, imported?.digest);
  }

  after(async () => {
    await discard(`namespace/${namespace}`, `sns/${namespace}`, `ctp/${namespace}`, `pv/${namespace}`);
    await rm(volume, { recursive: true, force: true });
  });

  function importing(name: string, source: object): object {
    const target = { repository: `${world.registry}/${namespace}/${name}` };
    const options = {
      runtime: world.runtime,
      source: { oci: undefined, ...source, import: target, followInterval: "10s" },
    };
    return model(namespace, name, "", options);
  }

  function claim(): readonly object[] {
    const common = { accessModes: ["ReadWriteMany"], storageClassName: "" };
    return [
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name: namespace },
        spec: {
          ...common,
          capacity: { storage: "1Gi" },
          persistentVolumeReclaimPolicy: "Retain",
          hostPath: { path: volume, type: "Directory" },
          claimRef: { namespace, name: "models" },
        },
      },
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "models", namespace },
        spec: { ...common, volumeName: namespace, resources: { requests: { storage: "1Gi" } } },
      },
    ];
  }

  for (const name of kinds)
    it(`${name}: it is imported, waits for a signature, and serves`, async () => {
      await brought.get(name);
    });

  it("the same file is the same content, wherever it comes from", async () => {
    const found = await Promise.all(["http", "pvc"].map((name) => find(SecureModelKind, name, namespace)));
    const [http, pvc] = found.map((one) => one?.status?.source?.imported?.files);
    assert.ok(http !== undefined);
    assert.equal(http, pvc);
  });

  it("a source that changes under its pin is noticed, and what serves stays", async () => {
    const before = await find(SecureModelKind, "s3", namespace);
    bucket.objects.set("iris/v1/notes/read me.txt", Buffer.from("two"));
    await writeFile(join(volume, "iris/more"), "more", { mode: 0o644 });
    for (const name of ["s3", "pvc"]) {
      const changed = await eventually(
        `${name} says that its source has changed`,
        () => find(SecureModelKind, name, namespace),
        (found) => condition(found, "SourceUnchanged").reason === "SourceChanged",
        60_000,
      );
      assert.equal(condition(changed, "Serving").status, "True");
    }
    const after = await find(SecureModelKind, "s3", namespace);
    assert.equal(after?.status?.active?.digest, before?.status?.active?.digest);
    assert.ok(
      (await events(namespace)).some(({ reason, object }) => reason === "SourceChanged" && object.endsWith("/s3")),
    );
  });

  it("a source that follows brings it, once it is signed", async () => {
    await must([
      "-n",
      namespace,
      "patch",
      "smodel/s3",
      "--type=merge",
      "-p",
      '{"spec":{"source":{"update":"Follow"}}}',
    ]);
    const before = (await find(SecureModelKind, "s3", namespace))?.status?.active?.digest;
    const moved = await eventually(
      "s3 has another digest",
      () => find(SecureModelKind, "s3", namespace),
      (found) => found?.status?.source?.imported?.digest !== before,
      60_000,
    );
    const { repository = "", digest = "" } = moved?.status?.source?.imported ?? {};
    await world.artifacts.sign(`${repository}@${digest}`);
    await eventually(
      "it serves",
      () => find(SecureModelKind, "s3", namespace),
      (found) => found?.status?.active?.digest === digest,
      60_000,
    );
  });

  it("what cannot be read, and what must not be reached, is said, without a word of a secret", async () => {
    const refused = await modelBecomes(namespace, "refused", "ImportFailed", 60_000);
    assert.match(condition(refused).message, /SourceRefused: .*HTTP 403/);
    const inside = await modelBecomes(namespace, "inside", "ImportFailed", 60_000);
    assert.match(condition(inside).message, /must not be reached/);
    const seen = await must(["-n", namespace, "get", "smodel,jobs,pods,agrant,events", "-o", "yaml"]);
    for (const word of ["a-download-token", keys.secretAccessKey]) assert.ok(!seen.includes(word), word);
    const logs = await kubectl(["-n", namespace, "logs", "-l", "mlsecops.io/import", "--tail=-1", "--prefix"]);
    assert.doesNotMatch(logs.output, /a-download-token|a-secret-key/);
  });

  it("nothing of an import is granted any more when it is over", async () => {
    await must([
      "-n",
      namespace,
      "patch",
      "smodel/s3",
      "--type=merge",
      "-p",
      '{"spec":{"source":{"followInterval":"24h"}}}',
    ]);
    await must([
      "-n",
      namespace,
      "patch",
      "smodel/pvc",
      "--type=merge",
      "-p",
      '{"spec":{"source":{"followInterval":"24h"}}}',
    ]);
    await must([
      "-n",
      namespace,
      "patch",
      "smodel/http",
      "--type=merge",
      "-p",
      '{"spec":{"source":{"followInterval":"24h"}}}',
    ]);
    const grant = await eventually(
      "no import is granted",
      () => grantOf(namespace),
      (found) => Object.keys(found?.revisions ?? {}).every((name) => !name.startsWith("import-")),
      60_000,
    );
    const image = world.image.digest;
    assert.equal(grant?.digests[image], undefined);
  });
});
