import { deepFreeze } from "./freeze.ts";
import { LruMap } from "./lru-map.ts";
import type { KubeObject } from "./types.ts";

/** What is remembered; what occurs once only soon makes way for what occurs again and again. */
const defaultMax = 8192;
/** Longer ones are seldom the same. */
const maxKeyLength = 1024;
/** Shorter strings are shared by the JSON parser itself. */
const minStringLength = 11;

/**
 * Keeps parts that many objects have in common once: the pods of a thousand models differ in their names and times, and in
 * little else. What is shared is frozen, and read by everybody.
 */
export class SharedParts {
  readonly #parts: LruMap<string, unknown>;
  /** Parts that are the same have the same number: what holds them is compared by it. */
  readonly #numbers = new WeakMap<object, number>();
  #count = 0;

  constructor(max = defaultMax) {
    this.#parts = new LruMap(max);
  }

  /** Replaces parts of the object, which is the caller's own, and not frozen yet. The object itself is never shared. */
  shareIn<T extends KubeObject>(object: T): T {
    for (const [name, part] of Object.entries(object))
      (object as Record<string, unknown>)[name] = name === "metadata" ? this.#within(part) : this.#shared(part);
    return object;
  }

  /** No two objects have the same metadata. */
  #within(part: unknown): unknown {
    if (!isObject(part) || Object.isFrozen(part)) return part;
    for (const [name, child] of Object.entries(part)) part[name] = this.#shared(child);
    return part;
  }

  #shared(part: unknown): unknown {
    if (typeof part === "string") return part.length < minStringLength ? part : this.#once(part, part);
    if (!isObject(part)) return part;
    this.#within(part);
    const key = this.#keyOf(part);
    return key === undefined ? part : this.#once(key, part);
  }

  #once(key: string, part: unknown): unknown {
    if (key.length > maxKeyLength) return part;
    const known = this.#parts.get(key);
    if (known !== undefined) return known;
    this.#parts.set(key, part);
    if (isObject(part)) this.#numbers.set(deepFreeze(part), ++this.#count);
    return part;
  }

  /** Undefined where a part of it is not shared: then it is not the same as any other. No string begins as these do. */
  #keyOf(part: Readonly<Record<string, unknown>>): string | undefined {
    let key = Array.isArray(part) ? "\0[" : "\0{";
    for (const [name, child] of Object.entries(part)) {
      const number = isObject(child) ? this.#numbers.get(child) : undefined;
      if (isObject(child) && number === undefined) return undefined;
      key += `${JSON.stringify(name)}:${number === undefined ? JSON.stringify(child) : `#${number}`},`;
      if (key.length > maxKeyLength) return undefined;
    }
    return key;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
