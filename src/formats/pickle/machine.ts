import type { FindingName } from "../facts.ts";
import type { ScanLimits } from "../limits.ts";
import { DATA, OPAQUE, TEXT, weightOf, type DictValue, type TupleValue, type Value } from "./values.ts";

/** Why a pickle cannot be followed further. */
export class PickleProblem extends Error {
  readonly finding: FindingName;

  constructor(finding: FindingName, message: string) {
    super(message);
    this.name = "PickleProblem";
    this.finding = finding;
  }
}

/** In units of weight, each of the three: together they bound the memory of one walk to some 40 MB. */
const maxStackWeight = 100_000;
const maxMemoWeight = 150_000;
const maxDictWeight = 60_000;
const maxItems = 64;
const maxNested = 2048;

/** The stack, the marks and the memo of CPython's unpickler, over what is known of the values. */
export class Machine {
  readonly #limits: ScanLimits;
  readonly #stack: Value[];
  readonly #marks: number[];
  readonly #memo: Value[] = [];
  /** Of the machine that this one takes up from. */
  readonly #olderMemo: readonly Value[] | undefined;
  #memoSize: number;
  #stackWeight = 0;
  #memoWeight = 0;
  #dictWeight = 0;

  constructor(limits: ScanLimits, from?: Machine) {
    this.#limits = limits;
    this.#stack = from === undefined ? [] : [...from.#stack];
    this.#marks = from === undefined ? [] : [...from.#marks];
    // Shared, not copied: the other writes nothing over what it has stored.
    this.#olderMemo = from === undefined ? undefined : from.#memo;
    this.#memoSize = from === undefined ? 0 : from.#memoSize;
  }

  get depth(): number {
    return this.#stack.length;
  }

  push(value: Value): void {
    if (this.#stack.length >= this.#limits.maxStack) {
      throw new PickleProblem("StackLimit", `more than ${this.#limits.maxStack} values at once`);
    }
    const weight = weightOf(value);
    const kept = weight > 0 && this.#stackWeight + weight > maxStackWeight ? unknownOf(value) : value;
    this.#stackWeight += weightOf(kept);
    this.#stack.push(kept);
  }

  pop(): Value {
    const value = this.top();
    this.#stack.length--;
    this.#stackWeight -= weightOf(value);
    return value;
  }

  top(): Value {
    const value = this.#stack.length <= (this.#marks.at(-1) ?? 0) ? undefined : this.#stack.at(-1);
    if (value === undefined) throw new PickleProblem("Malformed", "it takes a value from an empty stack");
    return value;
  }

  mark(): void {
    if (this.#marks.length >= this.#limits.maxStack) {
      throw new PickleProblem("StackLimit", `more than ${this.#limits.maxStack} marks at once`);
    }
    this.#marks.push(this.#stack.length);
  }

  /** POP takes a value, or a mark where that is what lies on top. */
  popValueOrMark(): void {
    if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  popToMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new PickleProblem("Malformed", "a mark is missing");
    const items = this.#stack.splice(mark);
    for (const item of items) this.#stackWeight -= weightOf(item);
    return items;
  }

  store(index: number): void {
    const value = this.top();
    if (index >= this.#limits.maxMemo) {
      throw new PickleProblem("MemoLimit", `it remembers more than ${this.#limits.maxMemo} values`);
    }
    if (this.#memo[index] !== undefined) {
      throw new PickleProblem("Unfollowable", `it stores value ${index} twice, which no pickler does`);
    }
    if (this.#olderMemo?.[index] === undefined) this.#memoSize++;
    const weight = weightOf(value);
    const kept = weight > 0 && this.#memoWeight + weight > maxMemoWeight ? unknownOf(value) : value;
    this.#memoWeight += weightOf(kept);
    this.#memo[index] = kept;
  }

  /** MEMOIZE: under the number of what is remembered already. */
  memoize(): void {
    this.store(this.#memoSize);
  }

  recall(index: number): void {
    const value = this.#memo[index] ?? this.#olderMemo?.[index];
    if (value === undefined) throw new PickleProblem("Malformed", `it recalls value ${index}, which it never stored`);
    this.push(value);
  }

  tuple(items: readonly Value[]): Value {
    const weight = items.reduce<number>((sum, item) => sum + weightOf(item), 1 + (items.length >> 2));
    if (items.length > maxItems || weight > maxNested) return OPAQUE;
    return { kind: "tuple", items, weight } satisfies TupleValue;
  }

  dict(items: readonly Value[]): Value {
    if (this.#dictWeight + 2 > maxDictWeight) return DATA;
    this.#dictWeight += 2;
    const dict: DictValue = { kind: "dict", keys: [], values: [], weight: 0, whole: true };
    this.setItems(dict, items);
    return dict;
  }

  setItems(dict: DictValue, items: readonly Value[]): void {
    for (let at = 0; dict.whole && at < items.length; at += 2) {
      this.#setItem(dict, items[at] ?? OPAQUE, items[at + 1] ?? OPAQUE);
    }
  }

  /** Lets go of what a dict holds, once it is of no more use here. */
  forget(dict: DictValue): void {
    this.#dictWeight -= dict.weight;
    dict.whole = false;
    dict.weight = dict.keys.length = dict.values.length = 0;
  }

  #setItem(dict: DictValue, key: Value, value: Value): void {
    const weight = 1 + weightOf(key) + weightOf(value);
    // A dict in a dict could grow unseen, or be in itself.
    const isDict = typeof value === "object" && value.kind === "dict";
    const tooMuch = dict.weight + weight > maxNested || this.#dictWeight + weight > maxDictWeight;
    if (isDict || tooMuch || dict.keys.length >= maxItems) {
      this.forget(dict);
      return;
    }
    dict.keys.push(key);
    dict.values.push(value);
    dict.weight += weight;
    this.#dictWeight += weight;
  }
}

/** What is still known of a value for which there is no room. */
function unknownOf(value: Value): Value {
  return typeof value === "string" ? TEXT : OPAQUE;
}
