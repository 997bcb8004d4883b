import {
  lookUp,
  NONE,
  type DictValue,
  type DtypeValue,
  type GlobalValue,
  type TupleValue,
  type Value,
} from "./values.ts";

const wrapperName = "joblib.numpy_pickle.NumpyArrayWrapper";
/** Flags of NumPy's PyArray_Descr. */
const objectFlags = 0x3f;
const hasObjectFlag = 0x01;
const harmlessFlags = 0x80 | 0x10 | 0x08;

/** "module.Name". A path into what the module holds is set apart, as in "module:Outer.Inner": it can lead anywhere. */
export function typeName({ module, name }: GlobalValue): string {
  return `${module}${name.includes(".") ? ":" : "."}${name}`;
}

export function isGlobal(value: Value | undefined): value is GlobalValue {
  return typeof value === "object" && value.kind === "global";
}

export function isTuple(value: Value | undefined): value is TupleValue {
  return typeof value === "object" && value.kind === "tuple";
}

function isDtype(value: Value | undefined): value is DtypeValue {
  return typeof value === "object" && value.kind === "dtype";
}

function isDict(value: Value | undefined): value is DictValue {
  return typeof value === "object" && value.kind === "dict";
}

/** Whether making an object of this class, or by this function, gives joblib's stand-in for an array. */
export function makesWrapper(callable: GlobalValue, args: Value): boolean {
  const name = typeName(callable);
  if (name === wrapperName) return true;
  const first = isTuple(args) ? args.items[0] : undefined;
  return /^copy_?reg\._reconstructor$/.test(name) && isGlobal(first) && typeName(first) === wrapperName;
}

/** numpy.dtype(code, …), with what its code says; undefined: the code says nothing that is understood here. */
export function dtypeOf(args: Value): DtypeValue | undefined {
  const code = isTuple(args) ? args.items[0] : undefined;
  if (typeof code !== "string") return undefined;
  const itemSize = itemSizeOf(code);
  if (itemSize === undefined) return undefined;
  return { kind: "dtype", code, itemSize, hasObject: code.startsWith("O"), sound: true };
}

/** The size in bytes of an item, by a code such as f8, U12 or O8. */
function itemSizeOf(code: string): number | undefined {
  const [, kind = "", digits = ""] = /^([biufcmMSUVO])(\d{1,9})$/.exec(code) ?? [];
  if (kind === "") return undefined;
  return Number(digits) * (kind === "U" ? 4 : 1);
}

/**
 * What a dtype's state adds: the size of flexible items, and the fields of a structure. NumPy believes its flags, and
 * takes bytes for pointers if they lie.
 */
export function applyDtypeState(dtype: DtypeValue, state: Value): void {
  const items = isTuple(state) ? state.items : [];
  const [version, , subarray, names, fields, size, , flags] = items;
  dtype.sound = false;
  if (typeof version !== "number" || typeof size !== "number" || typeof flags !== "number") return;
  if (items.length < 8 || items.length > 9 || subarray !== NONE) return;
  const kind = dtype.code.charAt(0);
  if (size !== -1) {
    if (!["S", "U", "V"].includes(kind) || size < 0 || size !== dtype.itemSize) return;
  }
  if (names === NONE || fields === NONE) {
    dtype.sound = names === fields && (dtype.hasObject ? flags === objectFlags : (flags & ~harmlessFlags) === 0);
    return;
  }
  if (kind !== "V" || !isDict(fields) || !fields.whole || fields.keys.length === 0) return;
  for (const field of fields.values) {
    const [type, offset] = isTuple(field) ? field.items : [];
    if (!isDtype(type) || !type.sound || typeof offset !== "number") return;
    if (offset < 0 || offset + type.itemSize > dtype.itemSize) return;
    dtype.hasObject ||= type.hasObject;
  }
  dtype.sound = ((flags & hasObjectFlag) !== 0) === dtype.hasObject;
}

/** What follows a wrapper in the file. */
export type Following =
  | { readonly kind: "Pickle" }
  | { readonly kind: "Bytes"; readonly count: number; readonly padded: boolean }
  | { readonly kind: "Unknown" };

/** What joblib reads after a wrapper with this state, as its NumpyArrayWrapper.read_array does. */
export function followingOf(state: Value): Following {
  const unknown: Following = { kind: "Unknown" };
  if (!isDict(state) || !state.whole) return unknown;
  const [dtype, shape] = [lookUp(state, "dtype"), lookUp(state, "shape")];
  if (!isDtype(dtype) || !dtype.sound || !isTuple(shape)) return unknown;
  let count = 1;
  for (const length of shape.items) {
    if (typeof length !== "number" || length < 0) return unknown;
    count *= length;
  }
  const bytes = count * dtype.itemSize;
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(bytes)) return unknown;
  if (dtype.hasObject) return { kind: "Pickle" };
  const alignment = lookUp(state, "numpy_array_alignment_bytes");
  if (alignment !== undefined && alignment !== NONE && typeof alignment !== "number") return unknown;
  return { kind: "Bytes", count: bytes, padded: typeof alignment === "number" };
}
