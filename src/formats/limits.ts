/** Bounds of one scan. Every one that is passed becomes a finding, never a silent stop. Sizes are bytes. */
export interface ScanLimits {
  /** Of the layer as it comes, and of all that unpacks from it. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** How deep archives may lie in archives. */
  readonly maxDepth: number;
  /** What unpacks may be this many times its packed size; the first 16 MiB are free. */
  readonly maxExpansionRatio: number;
  /** Over all pickles of a layer. */
  readonly maxOpcodes: number;
  readonly maxMemo: number;
  readonly maxStack: number;
  /** A line, or a string that names something. Longer text is passed over and resolves to nothing. */
  readonly maxStringBytes: number;
  /** Of one file. */
  readonly maxGlobals: number;
  readonly maxFindings: number;
  readonly maxPathBytes: number;
}

const MiB = 1024 * 1024;

export const DEFAULT_LIMITS: ScanLimits = {
  maxBytes: 256 * 1024 * MiB,
  maxFiles: 4096,
  maxDepth: 4,
  maxExpansionRatio: 200,
  maxOpcodes: 20_000_000,
  maxMemo: 1_000_000,
  maxStack: 250_000,
  maxStringBytes: 4096,
  maxGlobals: 512,
  maxFindings: 64,
  maxPathBytes: 1024,
};

/** What unpacks to less than this is no bomb, whatever its ratio. */
export const FREE_EXPANSION_BYTES = 16 * MiB;
