import { type From, type To, answer } from "../../reach/index.ts";
import type { Facts } from "./gather.ts";
import type { ReachReport } from "./schema.ts";

export interface Question {
  readonly from: From;
  readonly to: To;
  /** As they were typed. */
  readonly texts: { readonly from: string; readonly to: string };
}

export type Decision =
  | { readonly state: "Report"; readonly report: ReachReport }
  /** What is asked about is not there. */
  | { readonly state: "Missing"; readonly problem: string };

/** What could not be read could have decided otherwise: then the answer is not known. Pure. */
export function decide({ world, unknown }: Facts, { from, to, texts }: Question): Decision {
  const reply = answer(world, from, to);
  // What is missing may just not have been read.
  if (reply.state === "Missing" && unknown.length === 0) return reply;
  const [first] = unknown;
  const found =
    reply.state === "Answered"
      ? reply.answer
      : { outcome: "Unknown" as const, why: reply.problem, by: [], backends: [] };
  const outcome = first === undefined ? found.outcome : "Unknown";
  const why =
    first === undefined ? found.why : `${first.what} cannot be read: ${first.why}; as far as is known: ${found.why}`;
  return {
    state: "Report",
    report: {
      format: "mlsecops.io/reach/v1",
      ...texts,
      outcome,
      why,
      by: [...found.by],
      backends: found.backends.map(({ port, by, ...rest }) => ({
        ...rest,
        by: [...by],
        ...(port === undefined ? {} : { port }),
      })),
      unknown: [...unknown],
    },
  };
}

/** 0: allowed. 1: denied. 3: not known. */
export function exitStatus({ outcome }: Pick<ReachReport, "outcome">): 0 | 1 | 3 {
  return ({ Allowed: 0, Denied: 1, Unknown: 3 } as const)[outcome];
}
