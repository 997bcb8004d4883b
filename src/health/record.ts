import { z } from "zod";
import { MAX_LOOKS, MAX_SIGNALS, type SignalPolicy } from "./policy.ts";
import type { Look } from "./look.ts";
import type { PodFinding } from "./pods.ts";
import { type Baseline, type SignalRecord, addLook, valuesOf } from "./signal-record.ts";

/** What was seen of one revision. */
export interface RevisionRecord {
  readonly revision: string;
  /** When all of its pods were ready for the first time, in milliseconds of wall time. */
  readonly completeAt?: number;
  /** By name. */
  readonly signals: Readonly<Record<string, SignalRecord>>;
}

/** What is known of a model's health: of the revisions looked at last, the last one first. */
export interface HealthRecord {
  readonly revisions: readonly RevisionRecord[];
}

/** The one that comes, the one that serves, and the one that served before. */
const maxRevisions = 3;

export const emptyRecord: HealthRecord = { revisions: [] };

export function recordOf({ revisions }: HealthRecord, revision: string): RevisionRecord | undefined {
  return revisions.find((record) => record.revision === revision);
}

/** The record after the pods of a revision were looked at. Pure. */
export function notePods(record: HealthRecord, revision: string, finding: PodFinding, now: Date): HealthRecord {
  const known = recordOf(record, revision) ?? { revision, signals: {} };
  const { completeAt = finding.state === "Ready" ? now.getTime() : undefined } = known;
  // One that lies in the future was written under another clock.
  const complete = completeAt === undefined ? {} : { completeAt: Math.min(completeAt, now.getTime()) };
  return withRevision(record, { ...known, ...complete });
}

/** The record after a look at one signal of a revision. Pure. */
export function noteLook(
  record: HealthRecord,
  revision: string,
  { policy, look, intervalMs }: { readonly policy: SignalPolicy; readonly look: Look; readonly intervalMs: number },
  { now, baseline }: { readonly now: Date; readonly baseline?: string | undefined },
): HealthRecord {
  const known = recordOf(record, revision) ?? { revision, signals: {} };
  const other = baseline === undefined ? undefined : baselineOf(record, baseline, policy.name);
  const context = { at: now.getTime(), intervalMs, baseline: other };
  const next = addLook(known.signals[policy.name], look, policy, context);
  return withRevision(record, { ...known, signals: { ...known.signals, [policy.name]: next } });
}

/** The record without what no signal of the policy has any more. Pure. */
export function keepSignals(record: HealthRecord, names: ReadonlySet<string>): HealthRecord {
  return {
    revisions: record.revisions.map((revision) => ({
      ...revision,
      signals: Object.fromEntries(Object.entries(revision.signals).filter(([name]) => names.has(name))),
    })),
  };
}

function baselineOf(record: HealthRecord, revision: string, signal: string): Baseline | undefined {
  const found = recordOf(record, revision)?.signals[signal];
  return found === undefined ? undefined : { revision, values: valuesOf(found.samples) };
}

/** First of all; the one that nobody has looked at for longest goes. What serves is looked at in every pass, and so stays. */
function withRevision({ revisions }: HealthRecord, changed: RevisionRecord): HealthRecord {
  const others = revisions.filter(({ revision }) => revision !== changed.revision);
  return { revisions: [changed, ...others].slice(0, maxRevisions) };
}

const marks = ["Bad", "Good", "Between", "Blank"] as const;

const Signal = z.object({
  policy: z.string().max(1024),
  /** Time, index of the mark, value. */
  samples: z.array(z.tuple([z.int(), z.int().min(0).max(3), z.number().nullable()])).max(MAX_LOOKS),
  tripped: z.object({ at: z.int(), why: z.string().max(1024) }).optional(),
  blank: z.string().max(256).optional(),
});

const Stored = z.object({
  version: z.literal(1),
  revisions: z
    .array(
      z.object({
        revision: z.string().max(253),
        completeAt: z.int().optional(),
        signals: z.record(z.string().max(63), Signal).refine((signals) => Object.keys(signals).length <= MAX_SIGNALS),
      }),
    )
    .max(maxRevisions),
});

/** As JSON of at most some 100 KB, whatever was seen. */
export function encodeRecord({ revisions }: HealthRecord): string {
  const stored: z.input<typeof Stored> = {
    version: 1,
    revisions: revisions.map(({ revision, completeAt, signals }) => ({
      revision,
      completeAt,
      signals: Object.fromEntries(
        Object.entries(signals).map(([name, { policy, samples, tripped, blank }]) => [
          name,
          {
            policy,
            tripped,
            blank,
            samples: samples.map(({ at, mark, value }) => [at, marks.indexOf(mark), value ?? null]),
          },
        ]),
      ),
    })),
  };
  return JSON.stringify(stored);
}

/** What cannot be read is as good as nothing: it is looked anew. */
export function decodeRecord(text: string): HealthRecord {
  const parsed = Stored.safeParse(parseJson(text));
  if (!parsed.success) return emptyRecord;
  return {
    revisions: parsed.data.revisions.map(({ revision, completeAt, signals }) => ({
      revision,
      ...(completeAt === undefined ? {} : { completeAt }),
      signals: Object.fromEntries(
        Object.entries(signals).map(([name, { policy, samples, tripped, blank }]) => [
          name,
          {
            policy,
            samples: samples.map(([at, mark, value]) => ({
              at,
              mark: marks[mark] ?? "Blank",
              ...(value === null ? {} : { value }),
            })),
            ...(tripped === undefined ? {} : { tripped }),
            ...(blank === undefined ? {} : { blank }),
          },
        ]),
      ),
    })),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
