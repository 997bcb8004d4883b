import { constants, inflateSync } from "node:zlib";
import type { FormatName } from "./formats.ts";
import { gguf, isGguf } from "./leaf/gguf.ts";
import { isNpy, npy } from "./leaf/npy.ts";
import { protobufModel } from "./leaf/protobuf.ts";
import type { Leaf } from "./leaf/report.ts";
import { isSafetensors, safetensors } from "./leaf/safetensors.ts";
import { isUbjson, xgboostUbj } from "./leaf/ubjson.ts";
import { isTarHeader } from "./container/tar-header.ts";

/** How many of a file's first bytes tell what it may be. */
export const HEAD_BYTES = 8192;

export type Sniffed =
  | { readonly kind: "Container"; readonly format: "zip" | "tar" | "gzip" | "zlib" | "zstd" }
  /** Packed in a way that Node cannot read. */
  | { readonly kind: "Packed"; readonly format: "xz" | "lzma" | "bzip2" | "lz4" }
  /** Known by its first bytes alone. */
  | { readonly kind: "Magic"; readonly format: FormatName }
  /** The parser says. */
  | { readonly kind: "Leaf"; readonly leaf: Leaf }
  | { readonly kind: "Json" }
  /** It says so itself. */
  | { readonly kind: "Pickle" }
  /** Text, a pickle without a header, or nothing that is known. */
  | { readonly kind: "Other" };

/** What a file may be, by its first bytes. */
export function sniff(head: Buffer): Sniffed {
  const hex = head.toString("hex", 0, 8);
  const starts = (...prefixes: readonly string[]): boolean => prefixes.some((prefix) => hex.startsWith(prefix));
  if (starts("504b0304", "504b0506")) return { kind: "Container", format: "zip" };
  if (starts("1f8b")) return { kind: "Container", format: "gzip" };
  if (starts("28b52ffd")) return { kind: "Container", format: "zstd" };
  if (starts("fd377a585a00")) return { kind: "Packed", format: "xz" };
  if (starts("5d0000")) return { kind: "Packed", format: "lzma" };
  if (starts("04224d18")) return { kind: "Packed", format: "lz4" };
  if (/^425a683[1-9](?:314159|177245)/.test(hex)) return { kind: "Packed", format: "bzip2" };
  if (isNpy(head)) return { kind: "Leaf", leaf: npy };
  if (isGguf(head)) return { kind: "Leaf", leaf: gguf };
  if (starts("894844460d0a1a0a")) return { kind: "Magic", format: "hdf5" };
  if (head.toString("latin1", 4, 8) === "TFL3") return { kind: "Magic", format: "tflite" };
  const program = programOf(head, hex);
  if (program !== undefined) return { kind: "Magic", format: program };
  if (/^800[0-5]/.test(hex)) return { kind: "Pickle" };
  if (isTarHeader(head)) return { kind: "Container", format: "tar" };
  if (isZlib(head)) return { kind: "Container", format: "zlib" };
  if (isSafetensors(head)) return { kind: "Leaf", leaf: safetensors };
  if (isUbjson(head)) return { kind: "Leaf", leaf: xgboostUbj };
  if (starts("08")) return { kind: "Leaf", leaf: protobufModel };
  if (/^(?:efbbbf)?(?:20|09|0a|0d)*(?:7b|5b)/.test(head.toString("hex", 0, 256))) return { kind: "Json" };
  return { kind: "Other" };
}

function programOf(head: Buffer, hex: string): FormatName | undefined {
  if (hex.startsWith("7f454c46")) return "elf";
  if (hex.startsWith("0061736d")) return "wasm";
  if (hex.startsWith("2321")) return "script";
  if (/^(?:feedface|feedfacf|cefaedfe|cffaedfe|cafebabe|bebafeca|cafebabf)/.test(hex)) return "macho";
  if (hex.startsWith("4d5a") && head.includes(0)) return "pe";
  // The magic of CPython's .pyc ends so; flags of 0 to 3 follow.
  return /^..0[a-f0-9]0d0a0[0-3]000000$/.test(hex) ? "python-bytecode" : undefined;
}

/** Two bytes are too few to tell: text can begin with them. What follows must unpack. */
function isZlib(head: Buffer): boolean {
  if (head.length < 8 || head[0] !== 0x78 || head.readUInt16BE(0) % 31 !== 0) return false;
  try {
    inflateSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 16 * 1024 * 1024 });
    return true;
  } catch {
    return false;
  }
}

/** What text is, by how it begins. */
export function textFormat(head: Buffer, path: string): FormatName {
  const text = head.toString("utf8").replace(/^\ufeff/, "");
  if (/^tree\r?\nversion=v\d/.test(text)) return "lightgbm";
  if (/^\s*</.test(text) && /<(?:\w+:)?PMML[\s>]/.test(text)) return "pmml";
  return isPython(text) || /\.pyw?$/i.test(path) ? "python" : "text";
}

/** Whether the first line that is neither empty nor a comment, nor in the first docstring, is a statement of Python. */
function isPython(text: string): boolean {
  const code = text.replace(/^(?:\s*(?:#[^\n]*)?\n)*\s*(?:[rR]?("""|''')[\s\S]*?\1)?(?:\s*(?:#[^\n]*)?\n)*/, "");
  const line = /^[^\n]*/.exec(code)?.[0] ?? "";
  return /^\s*(?:import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*[,;].*)?\s*(?:#.*)?$|from\s+[\w.]+\s+import\s|(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*(?:\(.*)?:|@\w[\w.]*\s*(?:\(.*)?$|if\s+__name__\s*==|try:|__import__\s*\(|exec\s*\(|eval\s*\()/.test(
    line.trimEnd(),
  );
}
