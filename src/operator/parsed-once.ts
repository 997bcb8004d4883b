import type { z } from "zod";
import { type KindDefinition, type Parsed, type TypedObject, parseObject } from "../api/index.ts";

/** Parses objects of stores. There an object does not change: each is parsed once. */
export function parsedOnce<S extends z.ZodType, T extends z.ZodType>(
  kind: KindDefinition<S, T>,
): (raw: TypedObject<z.output<S>, z.output<T>>) => Parsed<TypedObject<z.output<S>, z.output<T>>> {
  const known = new WeakMap<object, Parsed<TypedObject<z.output<S>, z.output<T>>>>();
  return (raw) => {
    const before = known.get(raw);
    if (before !== undefined) return before;
    const parsed = parseObject(kind, raw);
    known.set(raw, parsed);
    return parsed;
  };
}
