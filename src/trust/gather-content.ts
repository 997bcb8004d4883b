import type { ContentFacts, FormatScanner, LayerScan } from "../formats/index.ts";
import type { ArtifactFacts, Layers } from "./facts.ts";
import type { GatherLimits } from "./gather.ts";
import type { Descriptor } from "./manifest.ts";
import type { Manifest, OpenSink, RegistryReader } from "./registry.ts";
import { isRegistryError } from "./registry-error.ts";

export interface ContentRequest {
  readonly client: RegistryReader;
  readonly manifest: Manifest;
  readonly platforms: readonly string[];
  readonly limits: GatherLimits;
  /** Looks into the layers while they are read; absent: nobody asked what is in them. */
  readonly scanner?: FormatScanner | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is known from before. */
  readonly known?: ArtifactFacts | undefined;
}

/** Whether the content is what the manifest says, and what it is. */
export type Content = Pick<ArtifactFacts, "layers" | "content">;

/** Reads all content through, once; what is known and complete is not read again. */
export async function gatherContent(request: ContentRequest): Promise<Content> {
  const { client, manifest, platforms, limits, scanner, known } = request;
  const isIntact = known?.layers.state === "Intact";
  const isScanned = known?.content?.every(({ state }) => state === "Complete") === true;
  if (isIntact && (scanner === undefined || isScanned)) return { layers: known.layers, content: known.content };
  const blobs = new Map<string, Blob>();
  const add = ({ content }: Manifest): void => {
    if (content.kind !== "Manifest") return;
    if (!blobs.has(content.config.digest))
      blobs.set(content.config.digest, { descriptor: content.config, isLayer: false });
    for (const layer of content.layers) blobs.set(layer.digest, { descriptor: layer, isLayer: true });
  };
  add(manifest);
  for (const platform of platforms) add(await client.manifest(platform));
  const total = [...blobs.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  if (total > limits.maxLayerBytes) return { layers: { state: "NotChecked" } };
  const content: ContentFacts[] = [];
  for (const blob of blobs.values()) {
    const found = await readThrough(request, blob);
    if (found.mismatch !== undefined) return { layers: found.mismatch };
    if (found.facts !== undefined) content.push(found.facts);
  }
  return { layers: { state: "Intact" }, ...(scanner === undefined ? {} : { content }) };
}

interface Blob {
  readonly descriptor: Descriptor;
  readonly isLayer: boolean;
}

interface ReadThrough {
  readonly mismatch?: Extract<Layers, { readonly state: "Mismatch" }>;
  readonly facts?: ContentFacts;
}

async function readThrough({ client, limits, scanner, signal }: ContentRequest, blob: Blob): Promise<ReadThrough> {
  const { digest, mediaType, annotations } = blob.descriptor;
  const name = annotations?.["org.opencontainers.image.title"];
  const scans: LayerScan[] = [];
  const open: OpenSink | undefined =
    scanner === undefined || !blob.isLayer
      ? undefined
      : async () => {
          const scan = await scanner.start({ mediaType, digest, name, signal });
          scans.push(scan);
          return scan;
        };
  try {
    await client.verifyBlob(blob.descriptor, limits.layersDeadlineMs, open);
  } catch (error) {
    if (!isRegistryError(error, "DigestMismatch")) throw error;
    return { mismatch: { state: "Mismatch", layer: digest, message: error.message } };
  }
  // Those before the last were abandoned together with the attempt that they belonged to.
  const facts = await scans.at(-1)?.end();
  return facts === undefined ? {} : { facts };
}
