import type { Finding, FindingName } from "./facts.ts";
import { FREE_EXPANSION_BYTES, type ScanLimits } from "./limits.ts";

const maxDetail = 256;

/** Thrown where a bound of the whole scan is passed: there is no sense in going on. */
export class LimitPassed extends Error {
  readonly finding: Finding;

  constructor(name: FindingName, detail: string) {
    super(detail);
    this.name = "LimitPassed";
    this.finding = { name, detail: printable(detail) };
  }
}

/** What one scan may still use. */
export class Budget {
  readonly limits: ScanLimits;
  #files = 0;
  #opcodes = 0;
  #packed = 0;
  #unpacked = 0;

  constructor(limits: ScanLimits) {
    this.limits = limits;
  }

  /** Bytes of the layer as it comes. */
  get packed(): number {
    return this.#packed;
  }

  /** Whether one more file may be listed. */
  addFile(): void {
    if (++this.#files > this.limits.maxFiles) {
      throw new LimitPassed("TooManyFiles", `more than ${this.limits.maxFiles} files`);
    }
  }

  addPacked(bytes: number): void {
    this.#packed += bytes;
    this.#checkBytes(this.#packed);
  }

  addUnpacked(bytes: number): void {
    this.#unpacked += bytes;
    this.#checkBytes(this.#unpacked);
    const { maxExpansionRatio } = this.limits;
    if (this.#unpacked > FREE_EXPANSION_BYTES && this.#unpacked > this.#packed * maxExpansionRatio) {
      throw new LimitPassed("ExpansionRatio", `it unpacks to more than ${maxExpansionRatio} times its size`);
    }
  }

  /** Called by pickle walkers now and then; false: no more. */
  addOpcodes(count: number): boolean {
    this.#opcodes += count;
    return this.#opcodes <= this.limits.maxOpcodes;
  }

  #checkBytes(bytes: number): void {
    if (bytes > this.limits.maxBytes) {
      throw new LimitPassed("TooManyBytes", `more than ${this.limits.maxBytes} bytes`);
    }
  }
}

/** A bounded list of findings: one of each name and detail. */
export class Findings {
  readonly #list: Finding[] = [];
  readonly #seen = new Set<string>();
  readonly #max: number;
  readonly maxPathBytes: number;

  constructor(limits: ScanLimits) {
    this.#max = limits.maxFindings;
    this.maxPathBytes = limits.maxPathBytes;
  }

  get list(): readonly Finding[] {
    return this.#list;
  }

  has(name: FindingName): boolean {
    return this.#list.some((finding) => finding.name === name);
  }

  add(name: FindingName, detail: string): void {
    this.addAll([{ name, detail: printable(detail) }]);
  }

  addAll(findings: readonly Finding[]): void {
    for (const finding of findings) {
      const key = `${finding.name} ${finding.detail}`;
      if (this.#seen.has(key)) continue;
      if (this.#list.length < this.#max) {
        this.#seen.add(key);
        this.#list.push(finding);
      } else if (!this.has("TooManyFindings")) {
        this.#list.push({ name: "TooManyFindings", detail: `more than ${this.#max}` });
      }
    }
  }
}

/** Text from inside a file, for a message: bounded, and without what a terminal would obey. */
export function printable(text: string, max = maxDetail): string {
  const clean = text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return clean.length <= max ? clean : `${clean.slice(0, max - 1)}~`;
}
