import { z } from "zod";

const Revision = z.object({
  number: z.int(),
  name: z.string(),
  digest: z.string(),
  phase: z.string().optional(),
  verdict: z.string().optional().describe("The outcome of its last verdict."),
  health: z.string().optional().describe("How it was when it was last looked at."),
  createdAt: z.string().optional(),
  servedFrom: z.string().optional(),
  healthyFrom: z.string().optional(),
  ban: z.string().optional().describe("Why it must not run again."),
});

const Entry = z.object({
  at: z.string(),
  source: z.enum(["SecureModel", "ModelRevision", "ModelAction", "Event"]).describe("What says it."),
  name: z.string().describe("Of that object; of an Event, the model."),
  what: z.string().describe("In one word, such as Created, Banned, or the reason of an Event."),
  message: z.string(),
  warning: z.boolean().describe("Somebody may want to look at it."),
});

const Sample = z.object({
  at: z.string(),
  mark: z.enum(["Bad", "Good", "Between", "Blank"]).describe("Blank: there was no value."),
  value: z.number().optional(),
});

const Signal = z.object({
  revision: z.string(),
  signal: z.string(),
  tripped: z.object({ since: z.string(), why: z.string() }).optional().describe("Since when it is held to be bad."),
  blank: z.string().optional().describe("Why the newest look has no value."),
  samples: z.array(Sample).describe("Oldest first."),
});

/** What `mlsecops history -o json` prints. Fields are added, never renamed. */
export const HistoryReport = z.object({
  format: z.literal("mlsecops.io/history/v1"),
  namespace: z.string(),
  name: z.string(),
  ready: z.string().optional().describe("Status, reason and message of the condition Ready."),
  revisions: z.array(Revision).describe("Oldest first."),
  timeline: z.array(Entry).describe("Oldest first."),
  signals: z.array(Signal).describe("What was seen of each signal of each revision, the oldest revision first."),
  noSignals: z.string().optional().describe("Why there are none."),
  unknown: z.array(z.object({ what: z.string(), why: z.string() })).describe("What could not be read."),
});
export type HistoryReport = z.output<typeof HistoryReport>;
export type HistoryRevision = HistoryReport["revisions"][number];
export type HistoryEntry = HistoryReport["timeline"][number];
export type HistorySignal = HistoryReport["signals"][number];
