import { createHash } from "node:crypto";
import { recordedAs } from "../plan.ts";
import type { PackedFile } from "./tar.ts";

export const ARTIFACT_TYPE = "application/vnd.mlsecops.model.v1";
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

/** Lines "PATH SIZE SHA256", in the order of the artifact: what a source holds, whatever it is packed in. */
export function filesDigest(files: readonly PackedFile[]): string {
  return digestOf(files.map(({ path, size, sha256 }) => `${path} ${size} ${sha256}\n`).join(""));
}

export interface Content {
  readonly text: string;
  readonly digest: string;
  readonly size: number;
}

/** The artifact around one layer: an image to the runtime that mounts it, with the same bytes for the same content. Pure. */
export function artifactOf(
  layer: { readonly digest: string; readonly size: number },
  about: { readonly from: string; readonly files: string; readonly architecture: string },
): { readonly config: Content; readonly manifest: Content } {
  const config = contentOf({
    architecture: about.architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = contentOf({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: { mediaType: configType, digest: config.digest, size: config.size },
    layers: [{ mediaType: layerType, digest: layer.digest, size: layer.size }],
    annotations: { [recordedAs.source]: about.from, [recordedAs.files]: about.files },
  });
  return { config, manifest };
}

function contentOf(document: unknown): Content {
  const text = JSON.stringify(document);
  return { text, digest: digestOf(text), size: Buffer.byteLength(text) };
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
