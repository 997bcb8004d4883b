import { isAbsolute } from "node:path";
import { z } from "zod";
import { parseDuration, parseReference } from "../trust/index.ts";

const common = {
  /** The Secret of the operator's namespace with the key that signs. */
  keySecret: z.string().min(1).optional(),
  checkpointMs: z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= 60_000) return ms;
    const message = "--evidence-checkpoint-interval: write a length of time of at least 1m, for example 15m";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }),
};

/** Where evidence is kept. */
export const EvidenceOptions = z.discriminatedUnion(
  "store",
  [
    z.object({ store: z.literal("None"), ...common }),
    z.object({
      store: z.literal("Directory"),
      directory: z
        .string({ error: "--evidence-store=Directory needs --evidence-directory=/PATH" })
        .refine(isAbsolute, { error: "--evidence-directory: write an absolute path" }),
      ...common,
    }),
    z.object({
      store: z.literal("Repository"),
      repository: z
        .string({ error: "--evidence-store=Repository needs --evidence-repository=registry.example.com/evidence" })
        .transform((text, context) => {
          const parsed = parseReference(text);
          const { tag, digest } = parsed.ok ? parsed.reference : {};
          if (parsed.ok && tag === undefined && digest === undefined) return parsed.reference;
          const message = "write a repository without tag or digest, for example registry.example.com/evidence";
          context.addIssue({ code: "custom", message: `--evidence-repository: ${message}` });
          return z.NEVER;
        }),
      /** Of type kubernetes.io/dockerconfigjson, in the operator's namespace. */
      pushSecret: z.string().min(1).optional(),
      ...common,
    }),
  ],
  { error: "--evidence-store: write None, Directory or Repository" },
);
export type EvidenceOptions = z.output<typeof EvidenceOptions>;
