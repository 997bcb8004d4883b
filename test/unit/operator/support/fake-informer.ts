import {
  type ChangeHandler,
  type Informer,
  KubeError,
  type RefusalHandler,
  type KubeObject,
  type ResourceType,
  Store,
} from "../../../../src/kube/index.ts";

/** An informer that is told by a test what the API server says. */
export class FakeInformer {
  readonly store = new Store<KubeObject>();
  readonly type: ResourceType;
  readonly #handlers = new Set<ChangeHandler<KubeObject>>();
  readonly #refusalHandlers: RefusalHandler[] = [];
  readonly #sync = new AbortController();
  #refusal: KubeError | undefined;
  #signal: AbortSignal | undefined;

  constructor(type: ResourceType) {
    this.type = type;
  }

  /** What the code under test takes it for. */
  as<T extends KubeObject>(): Informer<T> {
    return this as unknown as Informer<T>;
  }

  put(object: object): void {
    const known = structuredClone(object) as KubeObject;
    const previous = this.store.put(known);
    for (const handler of this.#handlers)
      handler(previous === undefined ? { type: "added", object: known } : { type: "updated", object: known, previous });
  }

  delete(key: string): void {
    const object = this.store.delete(key);
    if (object !== undefined) for (const handler of this.#handlers) handler({ type: "deleted", object });
  }

  sync(): void {
    this.#sync.abort();
  }

  refuse(code: "Forbidden" | "NotFound" | undefined): void {
    this.#refusal = code === undefined ? undefined : new KubeError(code, `${this.type.plural}: ${code}`);
    for (const handler of this.#refusalHandlers) handler(this.#refusal);
  }

  onRefusal(handler: RefusalHandler): void {
    this.#refusalHandlers.push(handler);
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
  }
  get ended(): boolean {
    return this.#signal?.aborted === true;
  }
  synced(): boolean {
    return this.#sync.signal.aborted;
  }
  refusal(): KubeError | undefined {
    return this.#refusal;
  }
  waitForSync(): Promise<void> {
    const { signal } = this.#sync;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
  }
  onChange(handler: ChangeHandler<KubeObject>): () => void {
    this.#handlers.add(handler);
    for (const object of this.store.list()) handler({ type: "added", object });
    return () => void this.#handlers.delete(handler);
  }
}
