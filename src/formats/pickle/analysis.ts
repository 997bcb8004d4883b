import { Findings, type Budget } from "../budget.ts";
import { Analysis, type Cursor, type Steps } from "../cursor.ts";
import type { Finding } from "../facts.ts";
import { Effects } from "./effects.ts";
import { PickleProblem, type Machine } from "./machine.ts";
import { InnerNames, TypeNames, type NameSink } from "./names.ts";
import { isOpcode } from "./opcodes.ts";
import { Walk } from "./walk.ts";

export interface PickleResult {
  /**
   * Whether loading it with pickle would do something, or it is nothing but pickles from its first byte to its last. A list
   * of words can begin like a name to import, and ends in nonsense.
   */
  readonly isPickle: boolean;
  readonly isJoblib: boolean;
  readonly findings: readonly Finding[];
  readonly types: readonly string[];
}

/** Bytes that two readers would understand differently are followed both ways, so many at once. */
const maxProbes = 8;
/** torch.save wrote five pickles in a row; joblib and pickle write one. */
const maxPickles = 64;

interface Probe {
  readonly walk: Walk;
  readonly found: Findings;
  /** Of a pickle that lies in another. */
  readonly isInner: boolean;
}

/** Follows content as a series of pickles, as joblib reads it and as pickle does. */
export class PickleAnalysis {
  readonly #budget: Budget;
  readonly #findings: Findings;
  readonly #types: TypeNames;
  readonly #main: Analysis<void>;
  /** Without their modules. */
  readonly #seenNames = new Set<string>();
  readonly #inner: InnerNames;
  #cursor: Cursor | undefined;
  #probes: Analysis<void>[] = [];
  #acted = false;
  #complete = false;
  #isJoblib = false;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#findings = new Findings(budget.limits);
    this.#types = new TypeNames(this.#findings, budget.limits.maxGlobals);
    this.#inner = new InnerNames(this.#findings, budget.limits.maxGlobals);
    this.#main = new Analysis((cursor) => this.#series(cursor));
  }

  /** Whether nothing that comes could change the result. */
  get done(): boolean {
    return this.#main.done && this.#probes.length === 0;
  }

  write(chunk: Buffer): void {
    const before = this.#probes;
    // First: a probe looks at what the main walk remembers, as of where their ways part.
    for (const probe of before) probe.write(chunk);
    this.#main.write(chunk);
    if (this.#probes.length > 0) this.#probes = this.#probes.filter(({ done }) => !done);
  }

  end(): PickleResult {
    this.#main.end();
    for (const probe of this.#probes) probe.end();
    for (const value of this.#inner.besides(this.#seenNames)) this.#types.addGlobal(value);
    return {
      isPickle: this.#acted || this.#complete,
      isJoblib: this.#isJoblib,
      findings: this.#findings.list,
      types: this.#types.list,
    };
  }

  *#series(cursor: Cursor): Steps<void> {
    this.#cursor = cursor;
    const names: NameSink = {
      addGlobal: (value) => {
        if (this.#seenNames.size < this.#budget.limits.maxGlobals) this.#seenNames.add(value.name);
        this.#types.addGlobal(value);
      },
    };
    for (let count = 0; ; count++) {
      if (count > 0 && (yield* cursor.atEnd())) {
        this.#complete = true;
        return;
      }
      if (count > 0 && (count === maxPickles || !isOpcode(cursor.rest()[0] ?? 0))) {
        this.#findings.add("TrailingData", "bytes follow the pickle that are no pickle");
        return;
      }
      const effects = new Effects(this.#findings, names);
      const walk = new Walk({
        effects,
        budget: this.#budget,
        reading: "series",
        onRaw: (machine, following) => this.#probe(machine, following),
      });
      try {
        yield* walk.run(cursor);
      } catch (error) {
        if (!(error instanceof PickleProblem)) throw error;
        this.#findings.add(error.finding, error.message);
        return;
      } finally {
        this.#acted ||= effects.acted;
        this.#isJoblib ||= walk.sawWrapper;
      }
    }
  }

  /** pickle.load knows nothing of arrays between opcodes: to it their bytes are opcodes, as long as they make sense. */
  #probe(machine: Machine, following: "Bytes" | "Pickle"): void {
    if (this.#probes.length >= maxProbes) {
      this.#findings.add("Unfollowable", "the bytes of several arrays can be read as opcodes");
      return;
    }
    const found = new Findings(this.#budget.limits);
    const isInner = following === "Pickle";
    const effects = new Effects(found, isInner ? this.#inner : this.#types);
    // Now, before the machine goes on.
    const walk = new Walk({ effects, budget: this.#budget, reading: "plain", from: machine });
    const probe = new Analysis((cursor) => this.#follow(cursor, { walk, found, isInner }));
    // What is here already; the rest comes by write().
    probe.write(this.#cursor?.rest() ?? Buffer.alloc(0));
    if (!probe.done) this.#probes = [...this.#probes, probe];
  }

  /** That random bytes end in nonsense says nothing of the file; what they name or change before that does. */
  *#follow(cursor: Cursor, { walk, found, isInner }: Probe): Steps<void> {
    try {
      yield* walk.run(cursor);
    } catch (error) {
      if (!(error instanceof PickleProblem)) throw error;
      if (/Limit|TooMany/.test(error.finding)) found.add(error.finding, error.message);
    } finally {
      // What an inner pickle calls by what it remembers is to pickle.load any object: of an honest one, too.
      this.#findings.addAll(found.list.filter(({ name }) => !isInner || name !== "UnresolvedCall"));
    }
  }
}
