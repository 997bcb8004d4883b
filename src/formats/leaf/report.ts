import { Findings, type Budget } from "../budget.ts";
import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import { TypeNames } from "../pickle/names.ts";

const maxExternal = 1024;

/** What a parser has to say of a file beside its format. */
export class Report {
  readonly budget: Budget;
  readonly findings: Findings;
  readonly types: TypeNames;
  readonly #external = new Set<string>();

  constructor(budget: Budget) {
    this.budget = budget;
    this.findings = new Findings(budget.limits);
    this.types = new TypeNames(this.findings, budget.limits.maxGlobals);
  }

  get external(): readonly string[] {
    return [...this.#external].sort();
  }

  /** A file beside this one that is read with it. */
  addExternal(path: string): void {
    if (this.#external.size < maxExternal) this.#external.add(path);
    else if (!this.#external.has(path))
      this.findings.add("TooManyFiles", `it refers to more than ${maxExternal} files`);
  }
}

/** A parser of one format: says what it is, at last "unknown", and reports the rest. */
export type Leaf = (cursor: Cursor, report: Report) => Steps<FormatName>;
