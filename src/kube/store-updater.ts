import { compareVersions } from "./resource-version.ts";
import type { Store } from "./store.ts";
import { keyOf, type KubeObject } from "./types.ts";

export interface Change<T extends KubeObject> {
  readonly type: "added" | "updated" | "deleted";
  /** For a deletion, the last state known. */
  readonly object: T;
  /** For an update, the state before. */
  readonly previous?: T;
}

/** Deletions remembered, so that a late event about an object that is gone does not bring it back. */
const maxTombstones = 4096;

/** Turns what lists and watches say into changes of a store. Events that are repeated or late change nothing. */
export class StoreUpdater<T extends KubeObject> {
  readonly #store: Store<T>;
  readonly #onError: (error: unknown) => void;
  /** Key to the resource version of the deletion, oldest first. */
  readonly #tombstones = new Map<string, string | undefined>();

  /** `onError` gets what the store's index functions throw. */
  constructor(store: Store<T>, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** The list is the truth, even where it is older than the store: the server may have been restored from a backup. */
  *replaceAll(objects: readonly T[]): Generator<Change<T>> {
    this.#tombstones.clear();
    const listed = new Set(objects.map(keyOf));
    for (const key of this.#store.keys()) {
      if (!listed.has(key)) yield* this.#delete(key);
    }
    for (const object of objects) {
      const previous = this.#store.get(keyOf(object));
      if (previous === undefined || !isSameVersion(previous, object)) yield* this.#put(object, previous);
    }
  }

  /** An ADDED or MODIFIED event. */
  *put(object: T): Generator<Change<T>> {
    const key = keyOf(object);
    const previous = this.#store.get(key);
    const known = previous === undefined ? this.#tombstones.get(key) : previous.metadata.resourceVersion;
    const order = compareVersions(object.metadata.resourceVersion, known);
    if (order !== undefined && order <= 0) return;
    this.#tombstones.delete(key);
    yield* this.#put(object, previous);
  }

  /** A DELETED event, with the last state of the object. */
  *delete(object: T): Generator<Change<T>> {
    const key = keyOf(object);
    const order = compareVersions(object.metadata.resourceVersion, this.#store.get(key)?.metadata.resourceVersion);
    // The deletion of an earlier object of that name.
    if (order !== undefined && order < 0) return;
    this.#bury(key, object.metadata.resourceVersion);
    yield* this.#delete(key, object);
  }

  *#put(object: T, previous: T | undefined): Generator<Change<T>> {
    const recreated = previous !== undefined && previous.metadata.uid !== object.metadata.uid;
    if (recreated) yield* this.#delete(keyOf(object));
    try {
      this.#store.put(object);
    } catch (error) {
      this.#onError(error);
    }
    yield previous === undefined || recreated ? { type: "added", object } : { type: "updated", object, previous };
  }

  *#delete(key: string, lastState?: T): Generator<Change<T>> {
    const previous = this.#store.delete(key);
    if (previous !== undefined) yield { type: "deleted", object: lastState ?? previous };
  }

  #bury(key: string, version: string | undefined): void {
    const known = this.#tombstones.get(key);
    if ((compareVersions(version, known) ?? 1) < 0) return;
    this.#tombstones.delete(key);
    this.#tombstones.set(key, version);
    const [oldest] = this.#tombstones.keys();
    if (this.#tombstones.size > maxTombstones && oldest !== undefined) this.#tombstones.delete(oldest);
  }
}

function isSameVersion(a: KubeObject, b: KubeObject): boolean {
  const { uid, resourceVersion } = a.metadata;
  return uid === b.metadata.uid && resourceVersion !== undefined && resourceVersion === b.metadata.resourceVersion;
}
