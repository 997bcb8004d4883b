import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LayoutReader } from "../../../src/cli/registry/layout.ts";
import { isRegistryErrorCode } from "./registry-error.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

describe("an OCI image layout", () => {
  let directory: string;
  let reader: LayoutReader;
  const entries: object[] = [];

  async function put(content: string): Promise<{ mediaType: string; digest: string; size: number }> {
    const hex = createHash("sha256").update(content).digest("hex");
    await writeFile(join(directory, "blobs/sha256", hex), content);
    return { mediaType: manifestType, digest: `sha256:${hex}`, size: content.length };
  }

  async function add(tag: string | undefined, extra: object = {}) {
    const config = await put("{}");
    const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: [], ...extra };
    const entry = await put(JSON.stringify(manifest));
    const annotations = tag === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": tag } };
    entries.push({ ...entry, ...annotations });
    await writeFile(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: entries }));
    return entry;
  }

  beforeEach(async () => {
    entries.length = 0;
    directory = await mkdtemp(join(tmpdir(), "layout-"));
    await mkdir(join(directory, "blobs/sha256"), { recursive: true });
    reader = new LayoutReader(directory, "registry.example.com/iris");
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("finds a tag, as some tools write it and as others do", async () => {
    const [v1, v2] = [await add("v1"), await add("registry.example.com/iris:v2", { annotations: { v: "2" } })];
    assert.equal(await reader.resolveTag("v1"), v1.digest);
    assert.equal(await reader.resolveTag("v2"), v2.digest);
  });

  it("does not choose among several of one name, nor invent one", async () => {
    await add("v1");
    await add("v1", { annotations: { v: "2" } });
    await assert.rejects(reader.resolveTag("v1"), isRegistryErrorCode("NotFound"));
    await assert.rejects(reader.resolveTag("absent"), isRegistryErrorCode("NotFound"));
  });

  it("lists what names an artifact as its subject", async () => {
    const artifact = await add("v1");
    const attached = await add(undefined, { artifactType: "application/x", subject: artifact });
    const found = await reader.referrers(artifact.digest);
    assert.deepEqual(found, [{ ...attached, artifactType: "application/x" }]);
  });

  it("gives nothing whose digest is another", async () => {
    const artifact = await add("v1");
    const path = join(directory, "blobs/sha256", artifact.digest.slice("sha256:".length));
    await writeFile(path, "something else");
    await assert.rejects(reader.manifest(artifact.digest), isRegistryErrorCode("DigestMismatch"));
    await assert.rejects(reader.verifyBlob(artifact, 1000), isRegistryErrorCode("DigestMismatch"));
    await assert.rejects(reader.blob(artifact, 10), isRegistryErrorCode("TooLarge"));
    await rm(path);
    await assert.rejects(reader.manifest(artifact.digest), isRegistryErrorCode("NotFound"));
  });

  it("hands the bytes of a blob on, and says when they were not to be believed", async () => {
    const blob = await put("content");
    const seen: string[] = [];
    const open = () =>
      Promise.resolve({
        write: (chunk: Buffer) => Promise.resolve(void seen.push(chunk.toString())),
        abandon: () => Promise.resolve(void seen.push("abandoned")),
      });
    await reader.verifyBlob(blob, 1000, open);
    assert.deepEqual(seen.splice(0), ["content"]);
    await assert.rejects(reader.verifyBlob({ ...blob, size: 3 }, 1000, open), isRegistryErrorCode("DigestMismatch"));
    assert.deepEqual(seen, ["content", "abandoned"]);
  });

  it("is not one without its index: nothing is known then", async () => {
    await assert.rejects(reader.resolveTag("v1"), isRegistryErrorCode("Unavailable"));
    await writeFile(join(directory, "index.json"), "[]");
    await assert.rejects(reader.resolveTag("v1"), isRegistryErrorCode("Unavailable"));
  });
});
