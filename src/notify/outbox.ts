import type { EventRegarding } from "../kube/index.ts";
import type { Letter } from "./signature.ts";
import type { Sink } from "./sinks.ts";

export interface Waiting extends Letter {
  readonly sink: Sink;
  /** Of the monotonic clock, in milliseconds: from then on it is not sent any more. */
  readonly until: number;
  readonly type: string;
  readonly regarding: EventRegarding;
}

/** What waits for one sink, in order. It is there as long as something does, or is being sent. */
export interface Queue {
  readonly sink: Sink;
  readonly waiting: Waiting[];
  /** In a row. */
  failures: number;
}

export interface OutboxLimits {
  readonly perSink: number;
  /** Sinks of one namespace that something waits for at the same time. */
  readonly sinksPerNamespace: number;
  readonly total: number;
}

/** What waits to be sent, bounded for each sink, each namespace and over all. Where it is full the oldest goes, of those who hold most. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #onDrop: (dropped: Waiting) => void;
  readonly #queues = new Map<string, Queue>();
  /** By namespace, the oldest first. */
  readonly #shares = new Map<string, Set<Waiting>>();
  #size = 0;

  constructor(limits: OutboxLimits, onDrop: (dropped: Waiting) => void) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get size(): number {
    return this.#size;
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** Returns the sink's queue where it is new: somebody has to work on it. */
  add(waiting: Waiting): Queue | undefined {
    const { key, namespace } = waiting.sink;
    const known = this.#queues.get(key);
    if (known === undefined && this.#sinksIn(namespace) >= this.#limits.sinksPerNamespace) {
      this.#onDrop(waiting);
      return undefined;
    }
    const queue = known ?? { sink: waiting.sink, waiting: [], failures: 0 };
    this.#queues.set(key, queue);
    const [oldest] = queue.waiting;
    if (oldest !== undefined && queue.waiting.length >= this.#limits.perSink) this.#drop(oldest);
    queue.waiting.push(waiting);
    const share = this.#shares.get(namespace) ?? new Set();
    this.#shares.set(namespace, share.add(waiting));
    this.#size += 1;
    if (this.#size > this.#limits.total) this.#dropOfLargestShare();
    return known === undefined ? queue : undefined;
  }

  /** The next one to send, which is dropped no more. The queue ends where there is none. */
  take(queue: Queue): Waiting | undefined {
    const [first] = queue.waiting;
    if (first === undefined) this.#queues.delete(queue.sink.key);
    else this.#remove(first, queue);
    return first;
  }

  #sinksIn(namespace: string): number {
    return this.queues.filter(({ sink }) => sink.namespace === namespace).length;
  }

  #dropOfLargestShare(): void {
    const shares = [...this.#shares.values()];
    const [largest] = shares.toSorted((a, b) => b.size - a.size);
    const [oldest] = largest ?? [];
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.sink.key);
    if (queue !== undefined) this.#remove(waiting, queue);
    this.#onDrop(waiting);
  }

  #remove(waiting: Waiting, queue: Queue): void {
    queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
    const { namespace } = waiting.sink;
    const share = this.#shares.get(namespace);
    share?.delete(waiting);
    if (share?.size === 0) this.#shares.delete(namespace);
    this.#size -= 1;
  }
}
