import { z } from "zod";

export const INDEX_TYPES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
export const MANIFEST_TYPES: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export const Descriptor = z.object({
  mediaType: z.string().max(256),
  digest: z.string().regex(/^sha256:[a-f0-9]{64}$/),
  size: z.int().min(0),
  artifactType: z.string().max(256).optional(),
  /** Under which name a client is to store it. */
  annotations: z.object({ "org.opencontainers.image.title": z.string().max(1024).optional() }).optional(),
});
export type Descriptor = z.output<typeof Descriptor>;

const Manifest = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().max(256).optional(),
  config: Descriptor,
  layers: z.array(Descriptor).max(10_000),
  annotations: z.record(z.string(), z.string()).optional(),
});
const Index = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().max(256).optional(),
  manifests: z.array(Descriptor).max(10_000),
});

export type ManifestContent =
  ({ readonly kind: "Manifest" } & z.output<typeof Manifest>) | ({ readonly kind: "Index" } & z.output<typeof Index>);

/**
 * Reads a manifest. The document's own media type must agree with the header's and its shape with both: a document that
 * is a manifest to one reader and an index to another has no single meaning (CVE-2021-41190).
 */
export function readManifest(bytes: Buffer, contentType: string): ManifestContent | undefined {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const [isManifest, isIndex] = ["layers" in json || "config" in json, "manifests" in json];
  if (isManifest === isIndex) return undefined;
  const [parsed, types] = isIndex ? [Index.safeParse(json), INDEX_TYPES] : [Manifest.safeParse(json), MANIFEST_TYPES];
  if (!parsed.success) return undefined;
  const { mediaType = contentType } = parsed.data;
  if (mediaType !== contentType || !types.includes(contentType)) return undefined;
  return "manifests" in parsed.data ? { kind: "Index", ...parsed.data } : { kind: "Manifest", ...parsed.data };
}
