import {
  coveringPolicies,
  decideVerdict,
  effectiveStanding,
  parseReference,
  type ResolvedPolicy,
  trustFingerprint,
  type Verdict,
} from "../../trust/index.ts";
import type { Side } from "./schema.ts";
import type { Subject } from "./subjects.ts";

/**
 * What policies make of a reference without asking its registry: what they refuse by themselves, and what they leave as
 * it is. Everything else is Unknown, also what a withdrawn key vouched for: somebody else may have signed, too. Pure.
 */
export function offlineSide(
  subject: Subject,
  { before, after }: { readonly before: readonly ResolvedPolicy[]; readonly after: readonly ResolvedPolicy[] },
  now: Date,
): Side {
  const parsed = parseReference(subject.reference);
  const verdict = decideVerdict({
    artifact: parsed.ok
      ? {
          state: "Unavailable",
          name: parsed.reference.name,
          digest: parsed.reference.digest ?? subject.digest,
          reason: "RegistryUnavailable",
          message: "the registry was not asked",
        }
      : { state: "Refused", reason: "InvalidReference", message: parsed.message },
    ...{ namespace: subject.namespace, use: subject.use, required: subject.required },
    ...{ policies: after, signatureFacts: [], previous: subject.verdict, now },
  });
  if (verdict.outcome === "Rejected") return sideOf(verdict, now);
  const { verdict: known } = subject;
  const name = parsed.ok ? parsed.reference.name : "";
  if (known !== undefined && demands(before, subject, name) === demands(after, subject, name))
    return statusSide(subject, now);
  return { outcome: "Unknown", reason: "NotAsked", message: "only the registry can tell", standing: "Unknown" };
}

/** The verdict of the status as it stands. */
export function statusSide({ verdict }: Subject, now: Date): Side {
  if (verdict === undefined)
    return { outcome: "Unknown", reason: "NoVerdict", message: "the operator has no verdict yet", standing: "Unknown" };
  const { outcome, reason, message, notAfter } = verdict;
  const holds = now.getTime() < Date.parse(notAfter ?? "");
  const standing = !holds || outcome === "Rejected" ? "Quarantine" : outcome === "Verified" ? "Admit" : "KeepOnly";
  return { outcome, reason, message, standing };
}

export function sideOf(verdict: Verdict, now: Date): Side {
  const { outcome, reason, message } = verdict;
  return { outcome, reason, message, standing: effectiveStanding(verdict, now) };
}

function demands(policies: readonly ResolvedPolicy[], { namespace }: Subject, name: string): string {
  return trustFingerprint(coveringPolicies(policies, namespace, name).filter(({ mode }) => mode === "Enforce"));
}
