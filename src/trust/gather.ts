import { readBundle } from "./bundle.ts";
import type { ArtifactFacts, ArtifactState, BundleFact, Layers } from "./facts.ts";
import type { Descriptor } from "./manifest.ts";
import { isContentProblem, type Manifest, type RegistryClient } from "./registry.ts";
import { isRegistryError, RegistryError } from "./registry-error.ts";

export interface GatherLimits {
  /** An artifact with more content is not read through here; its layers are then compared only when it is pulled. */
  readonly maxLayerBytes: number;
  /** For one layer. */
  readonly layerDeadlineMs: number;
}

export interface GatherRequest {
  readonly client: RegistryClient;
  readonly name: string;
  readonly digest: string;
  readonly limits: GatherLimits;
  /** What is known of the layers from before. Content that was intact once stays so under its digest. */
  readonly layers?: Layers | undefined;
}

const bundleType = "application/vnd.dev.sigstore.bundle";
const maxBundles = 64;
const maxBundleBytes = 256 * 1024;
/** What the API bounds the list of platforms to. */
const maxPlatforms = 64;

/** Reads everything about an artifact that a decision can rest on. */
export async function gatherArtifact(request: GatherRequest): Promise<ArtifactState> {
  const { client, name, digest } = request;
  try {
    const manifest = await client.manifest(digest);
    const platforms =
      manifest.content.kind === "Index" ? [...new Set(manifest.content.manifests.map((entry) => entry.digest))] : [];
    if (platforms.length > maxPlatforms) {
      throw new RegistryError(
        "Malformed",
        `${name}@${digest} lists ${platforms.length} platforms, more than ${maxPlatforms}; use an index with fewer`,
      );
    }
    const bundles = await gatherBundles(client, digest);
    const layers =
      request.layers?.state === "Intact" ? request.layers : await compareLayers(request, manifest, platforms);
    return { state: "Found", name, digest, platformDigests: platforms, bundles, layers } satisfies ArtifactFacts;
  } catch (error) {
    return stateOf(error, name, digest);
  }
}

/** A failed exchange as what it means for a verdict. A defect is no failed exchange and passes through. */
export function stateOf(error: unknown, name: string, digest: string | undefined): ArtifactState {
  if (!isRegistryError(error)) throw error;
  const { consequence, message } = error;
  return consequence.outcome === "Rejected"
    ? { state: "Refused", name, digest, reason: consequence.reason, message }
    : { state: "Unavailable", name, digest, reason: consequence.reason, message, retryAfterMs: error.retryAfterMs };
}

/** The oldest ones first, up to a bound: whoever may push can attach as many as they like. */
async function gatherBundles(client: RegistryClient, digest: string): Promise<readonly BundleFact[]> {
  const referrers = (await client.referrers(digest)).filter(
    ({ artifactType }) => artifactType === undefined || artifactType.startsWith(bundleType),
  );
  const facts = new Map<string, BundleFact>();
  for (const referrer of referrers.slice(0, maxBundles)) {
    for (const layer of await bundleLayers(client, referrer.digest)) {
      if (!facts.has(layer.digest)) facts.set(layer.digest, await bundleFact(client, layer, digest));
    }
  }
  return [...facts.values()];
}

async function bundleLayers(client: RegistryClient, digest: string): Promise<readonly Descriptor[]> {
  try {
    const { content } = await client.manifest(digest);
    return content.kind === "Manifest"
      ? content.layers.filter(({ mediaType }) => mediaType.startsWith(bundleType)).slice(0, 4)
      : [];
  } catch (error) {
    // One that is damaged or gone must not hide the others; a registry that does not answer hides them all.
    if (isContentProblem(error)) return [];
    throw error;
  }
}

async function bundleFact(client: RegistryClient, layer: Descriptor, digest: string): Promise<BundleFact> {
  try {
    const bytes = await client.blob(layer, maxBundleBytes);
    return { digest: layer.digest, bytes, claim: readBundle(bytes, digest) };
  } catch (error) {
    if (!isContentProblem(error)) throw error;
    return { digest: layer.digest, bytes: Buffer.alloc(0), claim: { kind: "Malformed", problem: error.message } };
  }
}

async function compareLayers(
  request: GatherRequest,
  manifest: Manifest,
  platforms: readonly string[],
): Promise<Layers> {
  const { client, limits } = request;
  const blobs = new Map<string, Descriptor>();
  const add = ({ content }: Manifest): void => {
    if (content.kind !== "Manifest") return;
    for (const blob of [content.config, ...content.layers]) blobs.set(blob.digest, blob);
  };
  add(manifest);
  for (const platform of platforms) add(await client.manifest(platform));
  const total = [...blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
  if (total > limits.maxLayerBytes) return { state: "NotChecked" };
  for (const blob of blobs.values()) {
    try {
      await client.verifyBlob(blob, limits.layerDeadlineMs);
    } catch (error) {
      if (!isRegistryError(error, "DigestMismatch")) throw error;
      return { state: "Mismatch", layer: blob.digest, message: error.message };
    }
  }
  return { state: "Intact" };
}
