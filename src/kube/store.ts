import { deepFreeze } from "./freeze.ts";
import { keyOf, type KubeObject } from "./types.ts";

/** Index name to a function that gives the values under which an object is found. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** Objects by key and by index. What it holds is frozen: every reader gets the same object. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #byNamespace = new Index<T>((object) => [object.metadata.namespace ?? ""]);
  readonly #indexes: ReadonlyMap<string, Index<T>>;

  constructor(indexers: Indexers<T> = {}) {
    this.#indexes = new Map(Object.entries(indexers).map(([name, indexer]) => [name, new Index(indexer)]));
  }

  get size(): number {
    return this.#objects.size;
  }

  /** `key` is "namespace/name", or "name" for a cluster-scoped object. */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  /** Without a namespace, all objects. The array is the caller's own. */
  list(namespace?: string): readonly T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.#byNamespace.get(namespace);
  }

  /** @throws Error when there is no index of that name: a mistake in the program. */
  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`the store has no index ${JSON.stringify(index)}`);
    return found.get(value);
  }

  /**
   * Stores and freezes the object and returns the one it replaces. For an informer, or a test that stands in for one.
   * @throws what an index function throws; the object is then stored, but not found through that index.
   */
  put(object: T): T | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    this.#objects.set(key, deepFreeze(object));
    const errors: unknown[] = [];
    for (const index of [this.#byNamespace, ...this.#indexes.values()]) {
      try {
        index.put(key, object);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `an index function failed for ${key}`);
    return previous;
  }

  /** Returns the object that was there. */
  delete(key: string): T | undefined {
    const previous = this.#objects.get(key);
    this.#objects.delete(key);
    for (const index of [this.#byNamespace, ...this.#indexes.values()]) index.delete(key);
    return previous;
  }
}

/** Value to the objects that have it. Remembers the values of each object, so that removing it does not compute them. */
class Index<T> {
  readonly #indexer: (object: T) => readonly string[];
  readonly #buckets = new Map<string, Map<string, T>>();
  readonly #valuesOf = new Map<string, readonly string[]>();

  constructor(indexer: (object: T) => readonly string[]) {
    this.#indexer = indexer;
  }

  get(value: string): readonly T[] {
    return [...(this.#buckets.get(value)?.values() ?? [])];
  }

  put(key: string, object: T): void {
    this.delete(key);
    const values = [...new Set(this.#indexer(object))];
    for (const value of values) {
      const bucket = this.#buckets.get(value) ?? new Map<string, T>();
      this.#buckets.set(value, bucket.set(key, object));
    }
    if (values.length > 0) this.#valuesOf.set(key, values);
  }

  delete(key: string): void {
    for (const value of this.#valuesOf.get(key) ?? []) {
      const bucket = this.#buckets.get(value);
      bucket?.delete(key);
      if (bucket?.size === 0) this.#buckets.delete(value);
    }
    this.#valuesOf.delete(key);
  }
}
