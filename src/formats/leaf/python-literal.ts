export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

const maxDepth = 16;

/** A dict of the few kinds of Python literals that NumPy writes in headers; undefined: it is of another, or none. */
export function parseDict(text: string): ReadonlyMap<string, Literal> | undefined {
  const parser = new Parser(text);
  const value = parser.dict();
  return parser.atEnd() ? value : undefined;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#match(/\s*/y);
    return this.#at === this.#text.length;
  }

  dict(): ReadonlyMap<string, Literal> | undefined {
    return this.#match(/\s*\{/y) === undefined ? undefined : this.#dict(0);
  }

  value(depth: number): Literal | undefined {
    if (depth > maxDepth) return undefined;
    this.#match(/\s*/y);
    const quoted = this.#match(/'([^'\\\n]*)'|"([^"\\\n]*)"/y);
    if (quoted !== undefined) return quoted[1] ?? quoted[2];
    const number = this.#match(/-?\d{1,15}L?/y);
    if (number !== undefined) return Number.parseInt(number[0], 10);
    const word = this.#match(/True|False|None/y)?.[0];
    if (word !== undefined) return word === "None" ? null : word === "True";
    if (this.#match(/\(/y)) return this.#list(/\s*\)/y, depth);
    if (this.#match(/\[/y)) return this.#list(/\s*\]/y, depth);
    return this.#match(/\{/y) ? this.#dict(depth) : undefined;
  }

  #list(end: RegExp, depth: number): readonly Literal[] | undefined {
    const items: Literal[] = [];
    while (this.#match(end) === undefined) {
      if (items.length > 0 && this.#match(/\s*,/y) === undefined) return undefined;
      if (this.#match(end) !== undefined) break;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #dict(depth: number): ReadonlyMap<string, Literal> | undefined {
    const entries = new Map<string, Literal>();
    const end = /\s*\}/y;
    while (this.#match(end) === undefined) {
      if (entries.size > 0 && this.#match(/\s*,/y) === undefined) return undefined;
      if (this.#match(end) !== undefined) break;
      const key = this.value(depth + 1);
      if (typeof key !== "string" || entries.has(key) || this.#match(/\s*:/y) === undefined) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      entries.set(key, value);
    }
    return entries;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at += found[0].length;
    return found;
  }
}
