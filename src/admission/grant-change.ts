import type { AdmissionGrantSpec } from "../api/index.ts";
import { KubeError } from "../kube/index.ts";

export interface GrantEdit {
  /** Pure: it is called again where what it was given turned out to be old. */
  readonly change: (grant: AdmissionGrantSpec) => AdmissionGrantSpec;
  /** There is a grant afterwards, even if it grants nothing. */
  readonly ensure: boolean;
}

/** One caller's change, from when it is asked for until it is written, has failed, or its caller has given up. */
export class GrantChange {
  readonly edit: GrantEdit;
  readonly outcome: Promise<AdmissionGrantSpec>;
  readonly #signal: AbortSignal | undefined;
  #isOver = false;
  #resolve: (grant: AdmissionGrantSpec) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(edit: GrantEdit, signal: AbortSignal | undefined) {
    this.edit = edit;
    this.#signal = signal;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal?.aborted === true) this.#giveUp();
    else signal?.addEventListener("abort", this.#giveUp, { once: true });
  }

  /** Whether somebody still waits for it. */
  get isWanted(): boolean {
    return !this.#isOver;
  }

  succeed(grant: AdmissionGrantSpec): void {
    this.#end();
    this.#resolve(grant);
  }

  fail(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  readonly #giveUp = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.fail(reason instanceof KubeError ? reason : new KubeError("Aborted", "the change was given up"));
  };

  #end(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#giveUp);
  }
}
