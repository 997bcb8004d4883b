import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import { token, walkJson, type JsonEvents, type JsonScalar } from "./json.ts";
import type { Report } from "./report.ts";

/** The plain members of one object in a document, of those that were asked for. */
export type Members = ReadonlyMap<string, JsonScalar>;

export interface Interest {
  readonly keys: readonly string[];
  /** Told of each object that has one of the keys. */
  onObject(members: Members, depth: number): void;
}

const maxRootKeys = 64;

export class JsonDocument {
  readonly rootKeys = new Set<string>();
  readonly #interest: Interest | undefined;

  constructor(interest?: Interest) {
    this.#interest = interest;
  }

  /** JSON, and whose: XGBoost's models are told by their outermost keys. "unknown" where it is none. */
  *leaf(cursor: Cursor, report: Report): Steps<FormatName> {
    const events = new Collector(this.rootKeys, this.#interest, report);
    if (!(yield* walkJson(cursor, events, true)) || (yield* token(cursor)) !== -1) return "unknown";
    return this.rootKeys.has("learner") && this.rootKeys.has("version") ? "xgboost-json" : "json";
  }
}

class Collector implements JsonEvents {
  readonly #rootKeys: Set<string>;
  readonly #interest: Interest | undefined;
  readonly #report: Report;
  readonly #open: (Map<string, JsonScalar> | undefined)[] = [];

  constructor(rootKeys: Set<string>, interest: Interest | undefined, report: Report) {
    this.#rootKeys = rootKeys;
    this.#interest = interest;
    this.#report = report;
  }

  open(_kind: "object" | "array", depth: number, key: string | undefined): void {
    // A key that should have a plain value and has none is there all the same.
    this.value(undefined, depth, key);
    this.#open.push(undefined);
  }

  close(_kind: "object" | "array", depth: number): void {
    const members = this.#open.pop();
    if (members !== undefined) this.#interest?.onObject(members, depth);
  }

  value(value: JsonScalar, depth: number, key: string | undefined): void {
    if (key === undefined) return;
    if (depth === 1 && this.#rootKeys.size < maxRootKeys) this.#rootKeys.add(key);
    if (this.#interest?.keys.includes(key) !== true) return;
    const members = (this.#open[depth - 1] ??= new Map());
    // Readers differ in which of the two they take.
    if (members.has(key)) this.#report.findings.add("DuplicateKey", `an object has ${key} twice`);
    members.set(key, value);
  }
}
