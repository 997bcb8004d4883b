import { type Clock, type Informer, type KubeObject, isKubeError, sleep } from "../kube/index.ts";

export interface DoubtOptions {
  readonly clock: Clock;
  /** Ends with what is watched. */
  readonly signal: AbortSignal;
  /** Since when, by the monotonic clock, where not all is known from the start. */
  readonly since?: number;
  /** {@link Doubt.problem} may say something else. */
  readonly onChange: () => void;
}

/** What was just installed is served a moment later, and an API server that has just started knows nobody's rights yet. */
const patienceMs = 5_000;

/** Whether all is known of a collection that is watched, with patience for what passes by itself. */
export class Doubt {
  readonly #informer: Informer<KubeObject>;
  readonly #options: DoubtOptions;
  #since: number | undefined;

  constructor(informer: Informer<KubeObject>, options: DoubtOptions) {
    this.#informer = informer;
    this.#options = options;
    this.#since = options.since;
    if (this.#since !== undefined) this.#lookAgain();
    informer.onRefusal(() => this.#look());
    void informer.waitForSync(options.signal).then(
      () => this.#look(),
      () => undefined,
    );
  }

  /** By the monotonic clock; undefined while all is known. */
  get since(): number | undefined {
    return this.#since;
  }

  /** For people: that the collection of this name is not known, and why. Undefined while it is, or may be again in a moment. */
  problem(name: string): string | undefined {
    if (this.#since === undefined) return undefined;
    const refusal = this.#informer.refusal();
    // Where nothing was ever listed, a missing right does not come by waiting.
    const isCertain = !this.#informer.synced() && isKubeError(refusal, "Forbidden", "Unauthorized");
    if (!isCertain && this.#options.clock.monotonic() - this.#since < patienceMs) return undefined;
    return `${name} cannot be listed: ${refusal?.message ?? "no complete answer yet"}`;
  }

  #look(): void {
    const isKnown = this.#informer.synced() && this.#informer.refusal() === undefined;
    if (isKnown) this.#since = undefined;
    else if (this.#since === undefined) {
      this.#since = this.#options.clock.monotonic();
      this.#lookAgain();
    }
    this.#options.onChange();
  }

  #lookAgain(): void {
    const { clock, signal, onChange } = this.#options;
    void sleep(clock, patienceMs, signal).then((passed) => {
      if (passed && this.#since !== undefined) onChange();
    });
  }
}
