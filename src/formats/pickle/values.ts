/**
 * What a pickle's stack is known to hold: enough to resolve names, and to find the arrays in a joblib file. Nothing is
 * ever built from it.
 */
export type Value =
  /** An integer that a double holds exactly. */
  | number
  /** Text that could name something in Python: letters, digits, "_" and ".". */
  | string
  | Plain
  | GlobalValue
  | TupleValue
  | DictValue
  | DtypeValue
  | WrapperValue;

/** Values of which no more is known than their kind. */
export interface Plain {
  readonly kind:
    /** Text that can name nothing. */
    | "text"
    | "none"
    | "true"
    | "false"
    /** Bytes, a list, a set, a float, a large number: certainly no text, and nothing that could be called. */
    | "data"
    /** What a call has returned, or what there was no room to keep track of. It may be anything. */
    | "opaque";
}

export interface GlobalValue {
  readonly kind: "global";
  readonly module: string;
  readonly name: string;
}

export interface TupleValue {
  readonly kind: "tuple";
  readonly items: readonly Value[];
  readonly weight: number;
}

export interface DictValue {
  readonly kind: "dict";
  readonly keys: Value[];
  readonly values: Value[];
  weight: number;
  /** False: not all that was put in is kept track of. */
  whole: boolean;
}

/** A numpy.dtype, as far as it is needed to say how long its items are. */
export interface DtypeValue {
  readonly kind: "dtype";
  readonly code: string;
  itemSize: number;
  hasObject: boolean;
  /** False: its state says something that is not understood here. */
  sound: boolean;
}

/** joblib's stand-in for an array whose bytes follow it. */
export interface WrapperValue {
  readonly kind: "wrapper";
  /** Whether its bytes have been passed already. */
  spent: boolean;
}

export const TEXT: Plain = { kind: "text" };
export const NONE: Plain = { kind: "none" };
export const TRUE: Plain = { kind: "true" };
export const FALSE: Plain = { kind: "false" };
export const DATA: Plain = { kind: "data" };
export const OPAQUE: Plain = { kind: "opaque" };

/** About how much memory a value takes, in units of some 64 bytes; 0 where it is shared. */
export function weightOf(value: Value): number {
  if (typeof value === "string") return 1 + (value.length >> 5);
  if (typeof value === "number") return 0;
  if (value.kind === "tuple") return value.weight;
  return value.kind === "dtype" || value.kind === "wrapper" ? 1 : 0;
}

/** Whether Python would take it for text: yes, no, or perhaps. */
export function isText(value: Value): boolean | undefined {
  if (typeof value === "string") return true;
  if (typeof value === "number") return false;
  if (value.kind === "opaque") return undefined;
  return value.kind === "text";
}

/** The last value under a key, as Python would have it. */
export function lookUp(dict: DictValue, key: string): Value | undefined {
  const index = dict.keys.lastIndexOf(key);
  return index < 0 ? undefined : dict.values[index];
}
