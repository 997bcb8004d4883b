import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import {
  DEFAULT_LIMITS,
  DEFAULT_RULES,
  decideFormat,
  type CompleteFacts,
  type FileFacts,
  type FormatDecision,
  type FormatRules,
  type ScanLimits,
} from "../../../../src/formats/index.ts";
import { scanLayer, type LayerPacking } from "../../../../src/formats/scan-layer.ts";

const directory = new URL("../../../vectors/formats/", import.meta.url);

export function vector(name: string): Buffer {
  return readFileSync(new URL(name, directory));
}

export function vectorsIn(folder: "honest" | "malicious"): readonly string[] {
  return readdirSync(new URL(folder, directory))
    .sort()
    .map((name) => `${folder}/${name}`);
}

export interface ScanOptions {
  readonly packing?: LayerPacking;
  readonly name?: string;
  readonly limits?: Partial<ScanLimits>;
  /** How many bytes come at once. */
  readonly piece?: number;
}

export async function scan(content: Buffer, options: ScanOptions = {}): Promise<CompleteFacts> {
  const { packing = "raw", name = "model", limits = {}, piece = 64 * 1024 } = options;
  const facts = await scanLayer(pieces(content, piece), { packing, name }, { ...DEFAULT_LIMITS, ...limits });
  assert.ok(facts.state === "Complete", JSON.stringify(facts));
  return facts;
}

export async function scanOne(content: Buffer, options: ScanOptions = {}): Promise<FileFacts> {
  const { files, findings } = await scan(content, options);
  const [file, ...others] = files;
  assert.ok(file !== undefined && others.length === 0, JSON.stringify({ files, findings }));
  return file;
}

/** "Name" of each finding, the layer's first. */
export function findingsOf({ files, findings }: CompleteFacts): readonly string[] {
  return [...findings, ...files.flatMap((file) => file.findings)].map(({ name }) => name);
}

export async function decide(
  content: Buffer,
  rules: Partial<FormatRules> = {},
  name?: string,
): Promise<FormatDecision> {
  const facts = await scan(content, name === undefined ? {} : { name });
  return decideFormat([facts], { ...DEFAULT_RULES, ...rules });
}

export async function* pieces(content: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < content.length; at += size) yield await Promise.resolve(content.subarray(at, at + size));
}
