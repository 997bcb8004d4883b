import type { Findings } from "../budget.ts";
import { isDataOnly } from "./data-only.ts";
import { typeName } from "./numpy.ts";
import type { GlobalValue } from "./values.ts";

/** Stands for a module whose name could not be found out. It is no name that a module can have. */
export const UNKNOWN_MODULE = "?";

/** Takes what a pickle names. */
export interface NameSink {
  addGlobal(value: GlobalValue): void;
}

/** The types that a file's pickles name: distinct, bounded, without the data-only ones. */
export class TypeNames implements NameSink {
  readonly #names = new Set<string>();
  readonly #findings: Findings;
  readonly #max: number;

  constructor(findings: Findings, max: number) {
    this.#findings = findings;
    this.#max = max;
  }

  get list(): readonly string[] {
    return [...this.#names].sort();
  }

  addGlobal(value: GlobalValue): void {
    if (value.module !== UNKNOWN_MODULE) this.add(typeName(value));
    else
      this.#findings.add(
        "UnresolvedGlobal",
        `it imports ${value.name} from a module whose name is computed, or unusual`,
      );
  }

  add(name: string): void {
    if (isDataOnly(name) || this.#names.has(name)) return;
    if (this.#names.size < this.#max) this.#names.add(name);
    else this.#findings.add("TooManyGlobals", `it names more than ${this.#max} types`);
  }
}

/**
 * What pickle.load would name in a pickle that lies in another. The inner one counts what it remembers from 0, so that to
 * pickle.load the module of a type is some other text: of an honest array of objects it finds "NumpyArrayWrapper.dtype".
 * A name that joblib's reading finds too, in whatever module, is therefore not counted.
 */
export class InnerNames implements NameSink {
  readonly #found = new Map<string, GlobalValue>();
  readonly #findings: Findings;
  readonly #max: number;

  constructor(findings: Findings, max: number) {
    this.#findings = findings;
    this.#max = max;
  }

  addGlobal(value: GlobalValue): void {
    if (this.#found.size < this.#max) this.#found.set(typeName(value), value);
    else this.#findings.add("TooManyGlobals", `it names more than ${this.#max} types`);
  }

  /** Those that are under none of these names otherwise. */
  besides(names: ReadonlySet<string>): readonly GlobalValue[] {
    return [...this.#found.values()].filter(({ name }) => !names.has(name));
  }
}
