/** What would change, and for whom. Pure. */
import type { ReplayChange, ReplayReport, Side } from "./schema.ts";
import type { Subject } from "./subjects.ts";

export interface Compared {
  readonly subject: Subject;
  readonly digest: string | undefined;
  readonly before: Side;
  readonly after: Side;
}

const urgency: readonly ReplayChange["effect"][] = ["Quarantined", "Refused", "Unknown", "Other", "Admitted"];

export function decide(
  compared: readonly Compared[],
  rest: Pick<ReplayReport, "source" | "policies" | "unknown">,
): ReplayReport {
  const changes = compared.flatMap((one) => changeOf(one) ?? []);
  return {
    format: "mlsecops.io/replay/v1",
    source: rest.source,
    policies: rest.policies,
    changes: changes.toSorted((a, b) => urgency.indexOf(a.effect) - urgency.indexOf(b.effect)),
    untouched: compared.length - changes.length,
    unknown: rest.unknown,
  };
}

/** 1: something would be quarantined or refused. 3: nothing is known to be, but something is not known. */
export function exitStatus({ changes, unknown }: ReplayReport): 0 | 1 | 3 {
  if (changes.some(({ effect }) => effect === "Quarantined" || effect === "Refused")) return 1;
  return unknown.length > 0 || changes.some(({ effect }) => effect === "Unknown") ? 3 : 0;
}

function changeOf({ subject, digest, before, after }: Compared): ReplayChange | undefined {
  const effect = effectOf(subject, before, after);
  if (effect === undefined) return undefined;
  const { kind, namespace, name, part, reference } = subject;
  return { kind, namespace, name, part, reference, ...(digest === undefined ? {} : { digest }), effect, before, after };
}

/** Undefined: it stays as it is. */
function effectOf({ kind }: Subject, before: Side, after: Side): ReplayChange["effect"] | undefined {
  if (after.standing === "Quarantine" && before.standing !== "Quarantine")
    return kind === "SecureModel" ? "Quarantined" : "Refused";
  // Also where nothing was known before: what the change does to it is not known.
  if (after.outcome === "Unknown" || after.outcome === "Indeterminate") return "Unknown";
  if (after.standing === "Admit" && before.standing !== "Admit") return "Admitted";
  return before.outcome === after.outcome && before.reason === after.reason ? undefined : "Other";
}
