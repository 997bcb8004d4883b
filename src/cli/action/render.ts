import type { Mood, Paint } from "../render/colour.ts";
import { pairs } from "../render/table.ts";
import type { ActionReport } from "./schema.ts";

const outcomes: Readonly<Record<ActionReport["outcome"], readonly [text: string, mood: Mood]>> = {
  Done: ["done", "good"],
  DryRun: ["the API server would do it; nothing was kept", "good"],
  Nothing: ["nothing to do", "plain"],
  Refused: ["not done", "bad"],
  NotAllowed: ["the API server did not do it", "bad"],
};

/** For people. */
export function render(report: ActionReport, paint: Paint): string {
  const { namespace, model, wish, revision, outcome, why, effects, created, deleted = [], by } = report;
  const [text, mood] = outcomes[outcome];
  return pairs(
    [
      [
        wish.toLowerCase(),
        `SecureModel ${namespace}/${model}${revision === undefined ? "" : `, revision ${revision}`}`,
      ],
      ["outcome", { text, mood }],
      ...(why === undefined ? [] : [["why", why] as const]),
      ...effects.map((effect) => ["then", effect] as const),
      ...(created === undefined ? [] : [["created", `ModelAction ${created}, by ${by ?? ""}`] as const]),
      ...deleted.map((name) => ["deleted", `ModelAction ${name}`] as const),
      ["see", `mlsecops history smodel/${model} -n ${namespace}`],
    ],
    paint,
  );
}

/** 0: it is done, or there is nothing to do. 1: refused. 3: the API server did not do it. */
export function exitStatus({ outcome }: ActionReport): 0 | 1 | 3 {
  return ({ Done: 0, DryRun: 0, Nothing: 0, Refused: 1, NotAllowed: 3 } as const)[outcome];
}
