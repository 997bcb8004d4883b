export interface DueKey {
  readonly key: string;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
}

/** A binary heap of keys, the earliest on top. Each key is in it once. */
export class KeyHeap {
  readonly #entries: DueKey[] = [];
  readonly #positions = new Map<string, number>();

  get size(): number {
    return this.#entries.length;
  }

  peek(): DueKey | undefined {
    return this.#entries[0];
  }

  /** A key that is here already moves forward to the new time if that is earlier, and never back. */
  push(key: string, dueAt: number): void {
    const position = this.#positions.get(key);
    const known = position === undefined ? undefined : this.#entries[position];
    if (known !== undefined && known.dueAt <= dueAt) return;
    this.#rise({ key, dueAt }, position ?? this.#entries.length);
  }

  pop(): DueKey | undefined {
    const top = this.#entries[0];
    const last = this.#entries.pop();
    if (top === undefined || last === undefined) return undefined;
    this.#positions.delete(top.key);
    if (last !== top) this.#sink(last);
    return top;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#positions.clear();
  }

  /** Puts the entry where it belongs at or above the position, moving later ones down. */
  #rise(entry: DueKey, position: number): void {
    let at = position;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#entries[above];
      if (parent === undefined || parent.dueAt <= entry.dueAt) break;
      this.#set(at, parent);
      at = above;
    }
    this.#set(at, entry);
  }

  /** Puts the entry where it belongs at or below the top, moving earlier ones up. */
  #sink(entry: DueKey): void {
    let at = 0;
    for (;;) {
      const child = this.#earlierChild(at);
      const below = this.#entries[child];
      if (below === undefined || below.dueAt >= entry.dueAt) break;
      this.#set(at, below);
      at = child;
    }
    this.#set(at, entry);
  }

  #earlierChild(at: number): number {
    const left = this.#entries[2 * at + 1];
    const right = this.#entries[2 * at + 2];
    return left !== undefined && right !== undefined && right.dueAt < left.dueAt ? 2 * at + 2 : 2 * at + 1;
  }

  #set(at: number, entry: DueKey): void {
    this.#entries[at] = entry;
    this.#positions.set(entry.key, at);
  }
}
