import { z } from "zod";
import { ModelTraffic } from "./model-traffic.ts";
import { Duration, ObjectName, Timestamp, shown, withRules } from "./schema.ts";

const StepFields = z.strictObject({
  weight: shown(
    z.int().min(1).max(99).describe("Percent of the requests that the revision that comes answers."),
    "weight: 10",
  ),
  pause: Duration.describe(
    "How long it is looked at, from the moment that all pods of the step answer. It must be well at the end.",
  ).default("5m"),
  approval: z
    .boolean()
    .describe("The next step is taken once people have approved: mlsecops approve smodel/NAME.")
    .default(false),
});

const StrategyFields = z.strictObject({
  type: z
    .enum(["RollingUpdate", "Recreate", "BlueGreen", "Canary", "Shadow"])
    .describe(
      "RollingUpdate: pod by pod, each when the one before answers. Recreate: the old pods end first, for example for lack of a second GPU; requests fail meanwhile. BlueGreen: all pods of the revision that comes are started and looked at, then all requests move at once. Canary: it answers a share of the requests that grows in steps. Shadow: it gets a copy of the requests and answers nobody, then all requests move at once.",
    )
    .default("RollingUpdate"),
  steps: z.array(StepFields).max(20).describe("Of Canary.").default([]),
  hold: Duration.describe(
    "Of BlueGreen and Shadow: how long the revision that comes is looked at before the requests move.",
  ).default("5m"),
  traffic: ModelTraffic.describe(
    "How requests are shared, where the strategy has both revisions side by side.",
  ).optional(),
  approval: z
    .boolean()
    .describe("A revision takes over once people have approved it: mlsecops approve smodel/NAME.")
    .default(false),
});

/** How a revision takes the place of the one that serves. */
export const StrategySpec = withRules(
  StrategyFields,
  {
    rule: "(self.type == 'Canary') == (size(self.steps) > 0)",
    message:
      "give steps for Canary, and for Canary only, for example {type: Canary, steps: [{weight: 10, pause: 10m}, {weight: 50, pause: 10m}]}",
    holds: ({ type, steps }) => (type === "Canary") === steps.length > 0,
  },
  {
    rule: "!self.steps.all(a, has(a.weight)) || (self.steps.all(a, self.steps.exists_one(b, a.weight == b.weight)) && self.steps.map(a, a.weight).isSorted())",
    message: "the weight grows from step to step, for example steps: [{weight: 10}, {weight: 50}]",
    holds: ({ steps }) => steps.every(({ weight }, at) => at === 0 || (steps[at - 1]?.weight ?? 0) < weight),
  },
  {
    rule: "self.type != 'Shadow' || (has(self.traffic) && has(self.traffic.httpRoute))",
    message:
      "Shadow copies requests, which plain Services cannot: give traffic: {httpRoute: {parentRefs: [{name: public}]}}",
    holds: ({ type, traffic }) => type !== "Shadow" || traffic?.httpRoute !== undefined,
  },
  {
    rule: "!(self.type in ['RollingUpdate', 'Recreate']) || !has(self.traffic)",
    message: "traffic is for BlueGreen, Canary and Shadow: the others have no two revisions side by side",
    holds: ({ type, traffic }) => (type !== "RollingUpdate" && type !== "Recreate") || traffic === undefined,
  },
);
export type StrategySpec = z.output<typeof StrategySpec>;

/** How far a revision that comes in steps is. */
export const RolloutStatus = z.object({
  revision: ObjectName,
  step: z.int().min(1).max(21).describe("From 1; the last one is that it takes over."),
  steps: z.int().min(1).max(21),
  weight: z.int().min(0).max(100).describe("Percent of the requests that it is to answer."),
  pods: z.int().min(0).describe("How many it is to have for that."),
  since: Timestamp.describe("When all pods of the step answered; absent until they do.").optional(),
  message: z.string().max(1024),
});
export type RolloutStatus = z.output<typeof RolloutStatus>;
