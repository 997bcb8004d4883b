import type { SourceStatus } from "../api/index.ts";
import { type Condition, formatTime } from "../kube/index.ts";
import type { ImportResult } from "./plan.ts";
import { type Recorded, mismatchOf } from "./recorded.ts";

type Imported = NonNullable<SourceStatus["imported"]>;
export type SourceCondition = Pick<Condition, "status" | "reason" | "message">;

/** How far the Job of the look is that is due. */
export type JobState =
  | { readonly state: "Missing" }
  | { readonly state: "Running" }
  /** `problem`: why there is no result, for people. */
  | { readonly state: "Over"; readonly at: Date; readonly result?: ImportResult | undefined; readonly problem: string };

/** When the source is to be looked at; `look` tells one look from the next. */
export type Due = { readonly look: string } | { readonly waitMs: number };

/** Whether a look is due. Pure. */
export function dueLook(known: Imported | undefined, intervalMs: number, now: Date): Due {
  if (known === undefined) return { look: "first" };
  const waitMs = Date.parse(known.checkedAt) + intervalMs - now.getTime();
  return waitMs > 0 ? { waitMs } : { look: known.checkedAt };
}

export interface LookedAt {
  readonly status: SourceStatus;
  /** The source is as it was imported. */
  readonly condition: SourceCondition;
  /** Why there is nothing to serve yet; absent where something is imported. */
  readonly problem?:
    { readonly reason: "Importing" | "ImportFailed" | "ImportMismatch"; readonly message: string } | undefined;
}

export interface Seen {
  /** Of this very source: of another one nothing is known. */
  readonly status: SourceStatus;
  readonly job: JobState;
  /** What of an artifact does not depend on its content. */
  readonly about: Pick<Imported, "repository" | "from" | "basis">;
  readonly from: string;
  /** What the files have to be, where the source says so. */
  readonly pin?: string | undefined;
  /** What the registry holds as the artifact that the Job has pushed. */
  readonly recorded?: Recorded | undefined;
  /** What changed is imported, not only reported. */
  readonly follows: boolean;
}

/** What a look has come to. Pure. */
export function decideLook(seen: Seen): LookedAt {
  const { status, job } = seen;
  const known = status.imported;
  if (job.state !== "Over") {
    if (known !== undefined) return { status, condition: standing(status, seen) };
    const message = `the content of ${seen.from} is being imported`;
    return {
      status,
      condition: { status: "Unknown", reason: "Importing", message },
      problem: { reason: "Importing", message },
    };
  }
  const { result } = job;
  switch (result?.outcome) {
    case "Imported": {
      const { outcome: _, ...found } = result;
      // Whatever was asked for: a source that is pinned does not change what serves.
      if (known !== undefined && !seen.follows) return differs(seen, known, { files: found.files, at: job.at });
      // What the pod said is a claim; the registry holds what would be served.
      const { recorded } = seen;
      if (recorded?.state !== "Read") return failed(seen, recorded?.why ?? "its artifact has not been read back");
      const why = mismatchOf(recorded.annotations, { from: seen.from, files: found.files, pin: seen.pin });
      if (why !== undefined) return mismatched(seen, found.digest, why);
      const at = formatTime(job.at);
      const imported: Imported = { ...found, ...seen.about, at, checkedAt: at };
      return { status: { imported }, condition: standing({ imported }, seen) };
    }
    case "Unchanged":
      if (known === undefined) break;
      return settled({ imported: { ...known, checkedAt: formatTime(job.at) } }, seen);
    case "Changed":
      if (known === undefined) break;
      return differs(seen, known, { files: result.files, at: job.at });
    case "Failed":
    case undefined:
  }
  const why = result?.outcome === "Failed" ? `${result.reason}: ${result.message}` : job.problem;
  return failed(seen, why);
}

/** The state between two looks. Pure. */
export function settled(status: SourceStatus, seen: Pick<Seen, "from">): LookedAt {
  return { status, condition: standing(status, seen) };
}

function differs(seen: Seen, known: Imported, { files, at }: { readonly files: string; readonly at: Date }): LookedAt {
  const before = seen.status.changed;
  const changed = before?.files === files ? before : { files, seenAt: formatTime(at) };
  const status = { imported: { ...known, checkedAt: formatTime(at) }, changed };
  return { status, condition: standing(status, seen) };
}

function failed({ status, from }: Seen, why: string): LookedAt {
  if (status.imported === undefined) {
    const message = `the content of ${from} was not imported: ${why}`;
    return {
      status,
      condition: { status: "Unknown", reason: "ImportFailed", message },
      problem: { reason: "ImportFailed", message },
    };
  }
  const message = `${from} could not be looked at: ${why}; what was imported stays`;
  return { status, condition: { status: "Unknown", reason: "LookFailed", message } };
}

/** Somebody has put something else there, or the pod of the Job did not tell the truth. */
function mismatched({ status, about, from }: Seen, digest: string, why: string): LookedAt {
  const stays = status.imported === undefined ? "it is not served" : "what was imported before stays";
  const message = `${about.repository}@${digest} is not what was to be imported from ${from}: ${why}; ${stays}. Find out who else may push to that repository or run pods in this namespace`;
  const condition = { status: "False", reason: "ImportMismatch", message } as const;
  return status.imported === undefined
    ? { status, condition, problem: { reason: "ImportMismatch", message } }
    : { status, condition };
}

function standing({ imported, changed }: SourceStatus, { from }: Pick<Seen, "from">): SourceCondition {
  if (changed !== undefined) {
    const message = `${from} holds other files now (${changed.files}) than what was imported (${imported?.files ?? ""}); what serves stays. To import it, set update: Follow, or pin.digest to the new one`;
    return { status: "False", reason: "SourceChanged", message };
  }
  const message = `${from} holds what was imported as ${imported?.repository ?? ""}@${imported?.digest ?? ""}`;
  return { status: "True", reason: "Unchanged", message };
}
