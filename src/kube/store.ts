import type { KubeObject } from "./types.ts";

export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/* eslint-disable @typescript-eslint/no-unused-vars */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  constructor(_indexers: Indexers<T> = {}) {}
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  list(_namespace?: string): readonly T[] {
    return [];
  }
  byIndex(_index: string, _value: string): readonly T[] {
    return [];
  }
}
