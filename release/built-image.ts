import { z } from "zod";

/** A line of `images/build --json`. */
export const BuiltImage = z.object({
  name: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** The directory with the Containerfile; what it was made from stands in `inputs` beside it. */
  context: z.string(),
});
