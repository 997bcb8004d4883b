import type { Random } from "./backoff.ts";
import { sleep, type Clock } from "./clock.ts";
import { fencedError, type Fence } from "./fence.ts";
import { LeaderTerm, readClocks, type ClockReading } from "./leader-term.ts";
import { LeaseLock } from "./lease-lock.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";
import { onAbort } from "./on-abort.ts";

export interface LeaderElectorOptions {
  /** Its transport is used; its fence and signal are not. */
  readonly client: ObjectClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique among all processes, past ones included: a pod name with a random suffix. */
  readonly identity: string;
  /** How long the others wait for a leader that has fallen silent. Rounded up to whole seconds in the Lease. */
  readonly leaseDurationMs: number;
  /** After so long without a renewal the leader gives up by itself. Shorter than the lease: that is what fences it. */
  readonly renewDeadlineMs: number;
  /** Between attempts to take or renew the lease. */
  readonly retryPeriodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly random?: Random;
}

export interface LeaderCallbacks {
  /**
   * The lease is held: work until the signal aborts. What it returns is awaited in a graceful stop before the lease is given
   * back; a rejection ends the term and becomes the rejection of `run`.
   */
  readonly onStarted: (signal: AbortSignal) => void | Promise<void>;
  /** The term is over and the fence closed. Called only after `onStarted`. */
  readonly onStopped: () => void;
}

/** Retries are spread by up to this part of the period, so that candidates do not move in step. */
const jitter = 0.2;

/**
 * At most one of several processes leads at a time. The {@link fence} closes `renewDeadlineMs` after the last renewal was
 * sent, which is before anybody else can take the lease, `leaseDurationMs` after it was seen. What remains is a write that
 * the server received in time and carries out late; optimistic locking is for that.
 */
export class LeaderElector {
  readonly identity: string;
  /** Open while this process leads. Give it to the {@link ObjectClient} that the controllers use. */
  readonly fence: Fence;
  readonly #options: LeaderElectorOptions;
  readonly #lock: LeaseLock;
  readonly #random: Random;
  #term: LeaderTerm | undefined;

  /** @throws RangeError unless retry period (with jitter) < renew deadline < lease duration. */
  constructor(options: LeaderElectorOptions) {
    const { retryPeriodMs, renewDeadlineMs, leaseDurationMs } = options;
    if (!(retryPeriodMs * (1 + jitter) < renewDeadlineMs && renewDeadlineMs < leaseDurationMs)) {
      throw new RangeError("a lease needs: retry period < renew deadline < lease duration");
    }
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.identity = options.identity;
    this.fence = this.#createFence();
    this.#lock = new LeaseLock({
      transport: options.client.transport,
      namespace: options.namespace,
      name: options.name,
      identity: options.identity,
      leaseDurationMs,
      // Leaves time for a second attempt before the deadline.
      requestDeadlineMs: renewDeadlineMs / 2,
      clock: options.clock,
    });
  }

  isLeader(): boolean {
    return this.#term?.isHeld() ?? false;
  }

  /**
   * Waits for the lease, leads, and resolves when the term is over: the signal aborted (the lease is then given back) or the
   * lease was lost. A process that has lost it should end, and be started again with fresh knowledge.
   */
  async run(callbacks: LeaderCallbacks, signal: AbortSignal): Promise<void> {
    const wonAt = await this.#acquire(signal);
    if (wonAt === undefined) return;
    const { clock, log, metrics, renewDeadlineMs, name } = this.#options;
    const term = new LeaderTerm(clock, renewDeadlineMs, wonAt);
    this.#term = term;
    metrics?.setLeader(name, true);
    log.info({ lease: name, identity: this.identity }, "leading");
    const renewing = this.#keepRenewing(term);
    const release = onAbort(signal, () => term.stopWork());
    try {
      await this.#lead(term, callbacks);
    } finally {
      release();
      const lost = term.held.aborted;
      term.end("the leader has stopped");
      metrics?.setLeader(name, false);
      log.info({ lease: name, identity: this.identity, lost }, "no longer leading");
      if (lost) callbacks.onStopped();
      // A renewal under way would collide with giving the lease back.
      await renewing;
      if (!lost) {
        await this.#release();
        callbacks.onStopped();
      }
    }
  }

  /** Until the work is done or the lease is lost, whichever comes first. */
  async #lead(term: LeaderTerm, callbacks: LeaderCallbacks): Promise<void> {
    const work = (async () => {
      await callbacks.onStarted(term.leading);
      // Without a promise to wait for, the term lasts until somebody ends it.
      await aborted(term.leading);
    })();
    await Promise.race([work, aborted(term.held), this.#grace(term)]);
    // Work that outlives its term has lost its fence. Nobody waits for it, but its failure must have a listener.
    work.catch((error: unknown) => this.#options.log.warn({ err: error }, "the work failed after its term"));
  }

  /** In a graceful stop the work gets as much time as a renewal would. */
  async #grace(term: LeaderTerm): Promise<void> {
    await aborted(term.leading);
    await sleep(this.#options.clock, this.#options.renewDeadlineMs, term.held);
  }

  /** When the request that won the lease was about to be sent; undefined when the signal came first. */
  async #acquire(signal: AbortSignal): Promise<ClockReading | undefined> {
    while (!signal.aborted) {
      const sentAt = readClocks(this.#options.clock);
      if (await this.#try("take")) {
        if (!isAborted(signal)) return sentAt;
        await this.#release();
        return undefined;
      }
      await this.#pause(signal);
    }
    return undefined;
  }

  /** Resolves when the term has ended and no request is under way. */
  async #keepRenewing(term: LeaderTerm): Promise<void> {
    for (;;) {
      await this.#pause(term.held);
      // After a pause of the process the deadline may be over although its timer has not fired yet.
      if (!term.isHeld()) {
        term.end("the lease was not renewed in time");
        return;
      }
      const sentAt = readClocks(this.#options.clock);
      const held = await this.#try("renew");
      if (held === true) term.renew(sentAt);
      if (held === false) term.end(`the lease is held by ${this.#lock.holder === "" ? "nobody" : this.#lock.holder}`);
    }
  }

  /** True: ours. False: another's. Undefined: unknown, because the request failed. */
  async #try(what: "take" | "renew"): Promise<boolean | undefined> {
    try {
      return await this.#lock.acquireOrRenew();
    } catch (error) {
      this.#options.log.warn({ err: error, lease: this.#options.name }, `cannot ${what} the lease`);
      return undefined;
    }
  }

  async #release(): Promise<void> {
    try {
      await this.#lock.release();
    } catch (error) {
      this.#options.log.warn({ err: error, lease: this.#options.name }, "cannot give the lease back; it will expire");
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await sleep(this.#options.clock, this.#options.retryPeriodMs * (1 + jitter * this.#random()), signal);
  }

  #createFence(): Fence {
    const closed = AbortSignal.abort(fencedError("this process does not lead"));
    const currentTerm = (): LeaderTerm | undefined => this.#term;
    return {
      assertHeld: () => {
        if (!this.isLeader()) throw fencedError("this process does not lead");
      },
      get signal() {
        return currentTerm()?.held ?? closed;
      },
    };
  }
}

/** Resolves when the signal aborts. Its listener lives as long as the signal: for signals of one term only. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => void onAbort(signal, resolve));
}

/** A function, because the type checker takes a property that was false for false ever after. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
