import { KEY_CHAIN, type EvidenceObject, type EvidenceStatus } from "../api/index.ts";
import { Backoff, type Clock, type Fence, type Logger, type Random, currentReconcileId, sleep } from "../kube/index.ts";
import { Backlog, type Chain, type Prepared, type Waiting } from "./backlog.ts";
import { digestOf } from "./canonical.ts";
import { type Tail, nextRecord, tailOf } from "./chain.ts";
import { type CheckpointInterval, Checkpointer } from "./checkpointer.ts";
import { type Fact, identityOf } from "./facts.ts";
import { keyIntroduction } from "./key-chain.ts";
import type { EvidenceMetrics } from "./metrics.ts";
import type { SigningKey } from "./signing-key.ts";
import { type Entry, type EvidenceStore } from "./store.ts";

/** What controllers see of it. */
export interface EvidenceSink {
  /**
   * Says what is decided now. Returns at once and never throws, whatever `facts` does: a quarantine must not fail for its
   * evidence. What was said before costs no more than a hash.
   */
  record(object: EvidenceObject, facts: () => readonly Fact[]): void;
  /** Where the chain of an object stands, for its status; undefined while that is not known here. */
  head(uid: string): EvidenceStatus | undefined;
}

export interface SigningKeys {
  readonly current: SigningKey;
  /** The one before, for as long as it has to introduce the current one. */
  readonly previous?: SigningKey | undefined;
}

export interface RecorderOptions {
  readonly store: EvidenceStore;
  /** Asked when the work begins, and again after a failure. */
  readonly keys: (signal: AbortSignal) => Promise<SigningKeys>;
  /** Of the pod. */
  readonly identity: string;
  readonly version: string;
  /** Held by the leader alone: a deposed one writes nothing. */
  readonly fence?: Fence | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: EvidenceMetrics;
  /** Default 20,000, some 30 MB. */
  readonly maxWaiting?: number;
  /** Default every 15 min and every 1,000 records. */
  readonly checkpoints?: CheckpointInterval;
  readonly random?: Random;
}

/** Chains that are written to at the same time. */
const parallel = 4;
const retry = { initialMs: 500, maxMs: 60_000 };

/**
 * Records decisions in the background, each chain in its order. The store is the truth of what is recorded: what a process
 * said before it was killed is compared with the tails found there, and never decides anything.
 */
export class Recorder implements EvidenceSink {
  readonly #options: RecorderOptions;
  readonly #backlog: Backlog;
  readonly #checkpointer: Checkpointer;
  /** The last entry of each chain; undefined until the store has been listed. */
  #last: Map<string, Entry> | undefined;
  #wake: () => void = () => undefined;

  constructor(options: RecorderOptions) {
    const { clock, log, metrics } = options;
    this.#options = options;
    this.#backlog = new Backlog(options.maxWaiting ?? 20_000, ({ chain, part }) => {
      metrics.count("dropped");
      log.error({ chain, part }, "a decision was not recorded: too many wait for the evidence store");
    });
    this.#checkpointer = new Checkpointer(options.checkpoints ?? { afterMs: 900_000, afterRecords: 1_000 }, clock);
    metrics.trackPending(() => this.#backlog.size);
  }

  record(object: EvidenceObject, facts: () => readonly Fact[]): void {
    try {
      const at = this.#options.clock.now();
      const news = facts().filter((fact) => this.#add(object, fact, at));
      if (news.length > 0) this.#wake();
    } catch (error) {
      this.#options.metrics.count("dropped");
      this.#options.log.error({ err: error, uid: object.uid }, "a decision could not be taken down");
    }
  }

  #add(object: EvidenceObject, { ends, ...fact }: Fact, at: Date): boolean {
    const chain = object.uid;
    const reconcileId = currentReconcileId();
    if (ends !== true) return this.#backlog.add({ chain, object, ...fact, at, reconcileId });
    // Of nearly all objects there is nothing to end; what there is of others only the store knows.
    const isNew = this.#last?.has(chain) === false && !this.#backlog.isWaiting(chain);
    return !isNew && this.#backlog.add({ chain, object, ...fact, at, ends, reconcileId });
  }

  head(uid: string): EvidenceStatus | undefined {
    return this.#backlog.headOf(uid);
  }

  /** Works until the signal aborts or the lease is lost. */
  async run(signal: AbortSignal): Promise<void> {
    const { fence, clock, log, random } = this.#options;
    const ended = fence === undefined ? signal : AbortSignal.any([signal, fence.signal]);
    const backoff = new Backoff(retry, random);
    let keys: SigningKeys | undefined;
    while (!ended.aborted) {
      try {
        keys ??= await this.#begin(ended);
        if (await this.#work(keys, ended)) backoff.reset();
        else if (!(await sleep(clock, backoff.next(), ended))) return;
      } catch (error) {
        if (isAborted(ended)) return;
        this.#options.metrics.count("failed");
        log.error({ err: error, waiting: this.#backlog.size }, "evidence cannot be recorded now");
        if (!(await sleep(clock, backoff.next(), ended))) return;
      }
    }
  }

  /** Learns what is kept already, and introduces a key that is new. */
  async #begin(signal: AbortSignal): Promise<SigningKeys> {
    const { store, clock, log } = this.#options;
    const keys = await this.#options.keys(signal);
    const last = await this.#list(signal);
    const introduced = last.get(KEY_CHAIN);
    const bytes = introduced === undefined ? undefined : await store.read(introduced, signal);
    const introduction = keyIntroduction(keys, bytes, clock.now());
    for (const { chain, sequence, digest } of last.values()) {
      const known = digest ?? digestOf(await store.read({ chain, sequence }, signal));
      this.#checkpointer.found({ chain, sequence, digest: known });
    }
    // Only now that nothing can fail any more: it is to be said once.
    if (introduction.state === "Needed") this.#backlog.add(introduction.waiting);
    if (introduction.state === "Impossible") log.error({ key: keys.current.public.fingerprint }, introduction.problem);
    this.#last = last;
    log.info({ chains: last.size, key: keys.current.public.fingerprint }, "evidence is recorded");
    return keys;
  }

  async #list(signal: AbortSignal): Promise<Map<string, Entry>> {
    const last = new Map<string, Entry>();
    for (const entry of await this.#options.store.list(signal)) {
      const before = last.get(entry.chain);
      if (before?.sequence === entry.sequence)
        this.#options.log.error({ ...entry }, "an evidence chain is forked: two writers were at work");
      else last.set(entry.chain, entry);
    }
    return last;
  }

  /** One record of some chains, or a wait for one. Whether anything went well. */
  async #work(keys: SigningKeys, signal: AbortSignal): Promise<boolean> {
    if (this.#checkpointer.dueInMs() === 0) this.#checkpoint();
    const chains = this.#backlog.next(parallel);
    if (chains.length === 0) {
      await this.#idle(signal);
      return true;
    }
    const results = await Promise.all(chains.map((chain) => this.#advance(chain, keys, signal)));
    return results.some((well) => well);
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const until = AbortSignal.any([signal, woken.signal]);
    // Longer than a timer can be is as good as for ever.
    await sleep(clock, this.#checkpointer.dueInMs() ?? 86_400_000, until);
    this.#wake = () => undefined;
  }

  async #advance(chain: Chain, keys: SigningKeys, signal: AbortSignal): Promise<boolean> {
    const { metrics, log, store } = this.#options;
    try {
      const tail = (chain.tail ??= await this.#tailOf(chain.id, signal));
      const waiting = this.#backlog.first(chain);
      if (waiting === undefined) return this.#done(chain);
      const known = tail?.state[waiting.part];
      const isKnown = known === identityOf(waiting.decision) || (waiting.ends === true && known === undefined);
      if (waiting.own !== true && isKnown) {
        metrics.count("unchanged");
        return this.#done(chain);
      }
      const prepared = waiting.prepared ?? this.#prepare(waiting, tail, keys);
      if (prepared === undefined) return this.#done(chain);
      waiting.prepared = prepared;
      this.#assertLeading();
      const appended = await store.append(prepared.record, signal);
      if (appended === "Taken") {
        log.error({ chain: chain.id, sequence: prepared.record.sequence }, "another writer is at work in this chain");
        await this.#startOver(chain, waiting, signal);
        return false;
      }
      chain.tail = prepared.tail;
      this.#last?.set(chain.id, prepared.record);
      this.#checkpointer.appended(chain.id, prepared.tail);
      metrics.count("recorded");
      this.#done(chain);
      waiting.onKept?.(prepared.tail);
      return true;
    } catch (error) {
      if (isAborted(signal)) return false;
      metrics.count("failed");
      const context = { err: error, chain: chain.id, waiting: this.#backlog.size };
      log.warn(context, "a decision cannot be recorded now; it is tried again");
      return false;
    }
  }

  #done(chain: Chain): true {
    this.#backlog.done(chain);
    return true;
  }

  /** Undefined for what is not of the documented form: it would hold up all that comes after it. */
  #prepare(waiting: Waiting, tail: Tail | null, keys: SigningKeys): Prepared | undefined {
    const { identity, version, metrics, log } = this.#options;
    try {
      const recorder = { identity, version };
      return nextRecord(waiting, tail ?? undefined, { key: waiting.key ?? keys.current, recorder });
    } catch (error) {
      metrics.count("dropped");
      log.error({ err: error, chain: waiting.chain, part: waiting.part }, "a decision cannot be written as evidence");
      return undefined;
    }
  }

  async #tailOf(id: string, signal: AbortSignal): Promise<Tail | null> {
    const entry = this.#last?.get(id);
    if (entry === undefined) return null;
    const { tail, problem } = tailOf(await this.#options.store.read(entry, signal), entry.sequence);
    if (problem !== undefined)
      this.#options.log.error({ chain: id, problem }, "the end of an evidence chain was changed");
    return tail;
  }

  async #startOver(chain: Chain, waiting: Waiting, signal: AbortSignal): Promise<void> {
    delete waiting.prepared;
    chain.tail = undefined;
    this.#last = await this.#list(signal);
  }

  #assertLeading(): void {
    this.#options.fence?.assertHeld();
  }

  #checkpoint(): void {
    const parts = this.#checkpointer.take(({ sequence, digest }, chains) =>
      this.#options.log.info({ sequence, head: digest, chains }, "evidence checkpoint"),
    );
    for (const part of parts) this.#backlog.add(part);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
