import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import { token, walkJson, type JsonEvents, type JsonScalar } from "./json.ts";
import type { Report } from "./report.ts";

/** As the safetensors library bounds it. */
const maxHeader = 100_000_000;
const maxTensors = 100_000;
/** Bits of an element. */
const widths: ReadonlyMap<JsonScalar, number> = new Map<JsonScalar, number>([
  ...["F64", "I64", "U64", "C64"].map((type) => [type, 64] as const),
  ...["F32", "I32", "U32"].map((type) => [type, 32] as const),
  ...["F16", "BF16", "I16", "U16"].map((type) => [type, 16] as const),
  ...["BOOL", "I8", "U8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ"].map(
    (type) => [type, 8] as const,
  ),
  ...["F6_E2M3", "F6_E3M2"].map((type) => [type, 6] as const),
  ["F4", 4],
]);

export function isSafetensors(head: Buffer): boolean {
  if (head.length < 9 || head[8] !== 0x7b) return false;
  const length = head.readBigUInt64LE(0);
  return length >= 2n && length <= BigInt(maxHeader);
}

/** Eight bytes of length, a JSON header, and tensors that fill the rest without gap or overlap. */
export function* safetensors(cursor: Cursor, report: Report): Steps<FormatName> {
  const bad = (detail: string): FormatName => {
    report.findings.add("Malformed", `safetensors: ${detail}`);
    return "safetensors";
  };
  const prefix = yield* cursor.take(8);
  if (prefix === undefined) return bad("it is too short");
  const end = 8 + Number(prefix.readBigUInt64LE(0));
  const header = new Header();
  if (!(yield* walkJson(cursor, header)) || cursor.position > end) return bad("its header is no JSON object");
  while (cursor.position < end) {
    if ((yield* token(cursor)) === -1 || cursor.position >= end) break;
    return bad("something follows its header");
  }
  // token() may have looked past white space that belongs to the tensors.
  const over = cursor.position - end;
  if (over < 0) return bad("it ends in its header");
  const problem = header.problem(over + (yield* cursor.skipRest()));
  return problem === undefined ? "safetensors" : bad(problem);
}

/** The header's tensors, as they are read. */
class Header implements JsonEvents {
  readonly #names = new Set<string>();
  readonly #spans: { begin: number; end: number }[] = [];
  #problem: string | undefined;
  #isMetadata = false;
  #fields = new Set<string>();
  #list: string | undefined;
  #bits: number | undefined;
  #elements = 1;
  #offsets: number[] = [];

  open(kind: "object" | "array", depth: number, key: string | undefined): void {
    if (depth === 1) {
      if (kind !== "object" || key === undefined) {
        this.#fail("a tensor's entry is no object, or its name too long");
        return;
      }
      if (this.#names.has(key)) {
        this.#fail("a name is there twice");
        return;
      }
      if (this.#names.size >= maxTensors) {
        this.#fail(`it has more than ${maxTensors} tensors`);
        return;
      }
      this.#names.add(key);
      this.#isMetadata = key === "__metadata__";
      this.#fields = new Set();
      this.#bits = undefined;
      this.#elements = 1;
      this.#offsets = [];
    } else if (depth === 2) {
      if (this.#isMetadata || kind !== "array") {
        this.#fail("something lies too deep in its header");
        return;
      }
      this.#list = this.#field(key);
    } else if (depth > 2) {
      this.#fail("something lies too deep in its header");
    }
  }

  value(value: JsonScalar, depth: number, key: string | undefined): void {
    if (depth === 1) this.#fail("a tensor's entry is no object");
    else if (this.#isMetadata) {
      if (typeof value !== "string" && value !== undefined) this.#fail("its metadata is not all text");
    } else if (depth === 2) {
      if (this.#field(key) === "dtype") this.#bits = widths.get(value);
    } else if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      this.#fail("a shape or an offset is no whole number");
    } else if (this.#list === "shape") {
      this.#elements *= value;
    } else if (this.#offsets.push(value) > 2) {
      this.#fail("a tensor has more than two offsets");
    }
  }

  close(_kind: "object" | "array", depth: number): void {
    if (depth !== 1 || this.#isMetadata) return;
    const [begin, end] = this.#offsets;
    if (this.#bits === undefined) {
      this.#fail("a tensor has no type that is known");
      return;
    }
    if (begin === undefined || end === undefined || this.#fields.size !== 3) {
      this.#fail("a tensor has not all fields");
      return;
    }
    const bits = this.#elements * this.#bits;
    if (!Number.isSafeInteger(bits) || (end - begin) * 8 !== bits)
      this.#fail("a tensor's offsets do not fit its shape");
    this.#spans.push({ begin, end });
  }

  problem(bytes: number): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    let at = 0;
    for (const { begin, end } of this.#spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
      if (begin !== at) return "its tensors overlap, or leave gaps";
      at = end;
    }
    return at === bytes ? undefined : "its tensors do not fill the file";
  }

  #field(key: string | undefined): string | undefined {
    if (key === undefined || !["dtype", "shape", "data_offsets"].includes(key) || this.#fields.has(key)) {
      this.#fail("a tensor has fields that are unknown, or there twice");
      return undefined;
    }
    this.#fields.add(key);
    return key;
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
  }
}
