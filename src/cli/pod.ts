import { z } from "zod";
import type { PodShape } from "../admission/index.ts";

const Owner = z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().nullish() });

export const Meta = z.looseObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()).nullish(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
  ownerReferences: z.array(Owner).nullish(),
});
export type Meta = z.output<typeof Meta>;

/** Of a spec only what admission must find: the rest goes through as the API server sent it. */
export const PodSpec = z.looseObject({ containers: z.array(z.looseObject({ name: z.string() })) });

export const Pod = z.looseObject({
  metadata: Meta,
  spec: PodSpec,
  status: z
    .looseObject({
      phase: z.string().optional(),
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).nullish(),
    })
    .optional(),
});
export type Pod = z.output<typeof Pod>;

/** As the rules of admission look at it. */
export function shapeOf({
  metadata,
  spec,
}: {
  readonly metadata: Meta | undefined;
  readonly spec: z.output<typeof PodSpec>;
}): PodShape {
  const { labels, creationTimestamp } = metadata ?? {};
  return {
    metadata: {
      ...(labels === undefined || labels === null ? {} : { labels }),
      ...(creationTimestamp === undefined || creationTimestamp === null ? {} : { creationTimestamp }),
    },
    spec,
  };
}

export function isFinished({ metadata, status }: Pod): boolean {
  return typeof metadata.deletionTimestamp === "string" || status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** As the sweep of a namespace counts: a grant says until when a pod may be created. */
export function admittedAt({ metadata }: { readonly metadata: Meta }, now: Date): Date {
  const created = Date.parse(metadata.creationTimestamp ?? "");
  return Number.isNaN(created) ? now : new Date(Math.min(created, now.getTime()));
}
