import type { z } from "zod";

/** What is not set is left out or null, as its writer likes; here it is undefined. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}
