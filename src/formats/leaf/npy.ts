import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import { PickleAnalysis } from "../pickle/analysis.ts";
import { parseDict, type Literal } from "./python-literal.ts";
import type { Report } from "./report.ts";

const maxHeader = 64 * 1024;

interface Layout {
  readonly itemSize: number;
  readonly hasObject: boolean;
}

export function isNpy(head: Buffer): boolean {
  return head.toString("latin1", 0, 6) === "\x93NUMPY";
}

/** One array (numpy.lib.format, versions 1 to 3). One of objects is a pickle, and is followed and named as such. */
export function* npy(cursor: Cursor, report: Report): Steps<FormatName> {
  const bad = (detail: string): FormatName => {
    report.findings.add("Malformed", `npy: ${detail}`);
    return "npy";
  };
  const start = yield* cursor.take(8);
  const version = start?.readUInt8(6) ?? 0;
  if (version < 1 || version > 3) return bad("its version is unknown");
  const wide = version > 1;
  const length = yield* cursor.take(wide ? 4 : 2);
  if (length === undefined) return bad("it ends in its header");
  const headerLength = wide ? length.readUInt32LE(0) : length.readUInt16LE(0);
  if (headerLength > maxHeader) return bad(`its header has more than ${maxHeader} bytes`);
  const header = (yield* cursor.take(headerLength))?.toString("utf8");
  const fields = header === undefined ? undefined : parseDict(header);
  if (fields?.size !== 3) return bad("its header cannot be read");
  const layout = layoutOf(fields.get("descr"), 0);
  const count = countOf(fields.get("shape"));
  if (layout === undefined || count === undefined) return bad("its type or shape cannot be read");
  if (layout.hasObject) return yield* objects(cursor, report);
  const rest = yield* cursor.skipRest();
  return rest === count * layout.itemSize ? "npy" : bad("its content is not as long as its shape says");
}

function* objects(cursor: Cursor, report: Report): Steps<FormatName> {
  const pickle = new PickleAnalysis(report.budget);
  while (yield* cursor.need(1)) {
    pickle.write(cursor.rest());
    cursor.at = cursor.buffer.length;
  }
  const { findings, types } = pickle.end();
  report.findings.addAll(findings);
  for (const type of types) report.types.add(type);
  return "pickle";
}

function countOf(shape: Literal | undefined): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let count = 1;
  for (const length of shape as readonly Literal[]) {
    if (typeof length !== "number" || length < 0) return undefined;
    count *= length;
  }
  return Number.isSafeInteger(count) ? count : undefined;
}

function layoutOf(descr: Literal | undefined, depth: number): Layout | undefined {
  if (typeof descr === "string") {
    const [, kind = "", digits = ""] = /^[<>|=]?([?biufcmMSUVO])(\d{0,9})(?:\[[\w/]{1,16}\])?$/.exec(descr) ?? [];
    if (kind === "") return undefined;
    if (kind === "O") return { itemSize: 8, hasObject: true };
    if (digits === "" && kind !== "?") return undefined;
    return { itemSize: kind === "?" ? 1 : Number(digits) * (kind === "U" ? 4 : 1), hasObject: false };
  }
  if (!Array.isArray(descr) || depth > 8) return undefined;
  let [itemSize, hasObject] = [0, false];
  for (const field of descr as readonly Literal[]) {
    if (!Array.isArray(field)) return undefined;
    const [, type, shape] = field as readonly Literal[];
    const inner = layoutOf(type, depth + 1);
    const count = shape === undefined ? 1 : countOf(typeof shape === "number" ? [shape] : shape);
    if (inner === undefined || count === undefined) return undefined;
    itemSize += inner.itemSize * count;
    hasObject ||= inner.hasObject;
  }
  return { itemSize, hasObject };
}
