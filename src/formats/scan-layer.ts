import { Budget, Findings, LimitPassed } from "./budget.ts";
import { canInflate, inflateAll, isDamage } from "./container/inflate.ts";
import { readTar } from "./container/tar.ts";
import type { ContentFacts, FileFacts } from "./facts.ts";
import type { ScanLimits } from "./limits.ts";
import { ByteReader, type Chunks } from "./reader.ts";
import { counted, scanFile } from "./scan-file.ts";

/** How a layer's bytes are to be read. */
export type LayerPacking = "raw" | "tar";

export interface LayerDescription {
  readonly packing: LayerPacking;
  /** Of a raw layer: the file's name, for messages. */
  readonly name: string;
  /** Of a raw layer: its digest in hex, where the caller compares it anyway. */
  readonly sha256?: string | undefined;
}

/**
 * Reads the layer "tar" whatever its compression says: a container runtime tells gzip and zstd by their first bytes, too
 * (OCI image-spec, layer media types; Docker's schema 2 types).
 */
export function packingOf(mediaType: string): LayerPacking {
  return /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs).*\btar\b/.test(mediaType) ? "tar" : "raw";
}

/** What is in one layer. Reads it to its end, unless a bound is passed before. */
export async function scanLayer(content: Chunks, layer: LayerDescription, limits: ScanLimits): Promise<ContentFacts> {
  const budget = new Budget(limits);
  const findings = new Findings(limits);
  const files: FileFacts[] = [];
  const context = { budget, add: (file: FileFacts): void => void files.push(file) };
  const source = packed(content, budget);
  try {
    if (layer.packing === "raw") {
      const { name, sha256 } = layer;
      context.add((await scanFile({ path: name, depth: 0, content: source, sha256 }, context)).facts);
    } else {
      const reader = new ByteReader(source);
      const compression = compressionOf(await reader.peek(4));
      if (compression !== undefined && !canInflate(compression)) {
        return {
          state: "Incomplete",
          reason: "Unsupported",
          detail: `${compression} layers cannot be read by this Node`,
        };
      }
      const tar = compression === undefined ? reader : new ByteReader(counted(inflateAll(reader, compression), budget));
      await readTar(tar, findings, async (entry) => {
        context.add((await scanFile({ ...entry, depth: 0 }, context)).facts);
      });
      await tar.drain();
      if ((await reader.drain()) > 0 && compression !== undefined) {
        findings.add("TrailingData", `bytes follow the layer's ${compression} data`);
      }
    }
  } catch (error) {
    if (error instanceof LimitPassed) findings.addAll([error.finding]);
    else if (isDamage(error)) findings.add("Malformed", "the layer's compressed data is damaged");
    else throw error;
  }
  return { state: "Complete", bytes: budget.packed, files, findings: findings.list };
}

function compressionOf(head: Buffer): "gzip" | "zstd" | undefined {
  const hex = head.toString("hex");
  if (hex.startsWith("1f8b")) return "gzip";
  return hex === "28b52ffd" ? "zstd" : undefined;
}

async function* packed(content: Chunks, budget: Budget): AsyncGenerator<Buffer, void> {
  for await (const chunk of content) {
    budget.addPacked(chunk.length);
    yield chunk;
  }
}
