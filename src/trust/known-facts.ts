import type { Gathered } from "./fact-cache.ts";
import { burstMs } from "./credential-source.ts";
import type { ArtifactFacts, Unavailable } from "./facts.ts";
import { type ResolvedPolicy, coveringPolicies } from "./policies.ts";
import { parseReference } from "./reference.ts";
import { after, strictestValidity } from "./term.ts";
import type { Verdict } from "./verdict.ts";
import type { Verification, VerifyRequest } from "./verify-request.ts";

/** Whether every attestation that is asked for now was asked for then. */
export function hasRead(
  { bundles, content, layers }: ArtifactFacts,
  predicateTypes: ReadonlySet<string>,
  use: VerifyRequest["use"],
): boolean {
  if (use === "Model" && content === undefined && layers.state === "Intact") return false;
  return !bundles.some(({ claim }) => claim.kind === "NotRead" && predicateTypes.has(claim.predicateType));
}

/** The artifact before anything is known of it but its name. */
export function earlyState(request: VerifyRequest): Unavailable | undefined {
  const parsed = parseReference(request.reference);
  if (!parsed.ok) return undefined;
  const { name, digest = request.digest } = parsed.reference;
  return { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message: "not asked yet" };
}

/** Whether what is known must be looked at again before it decides. */
export function isDue(request: VerifyRequest, known: Gathered, verdict: Verdict): boolean {
  if (request.refresh === true) return true;
  const age = request.now.getTime() - known.at.getTime();
  // What was seen in the future was seen by a clock that was wrong. By a little: by somebody who began later.
  if (age < -burstMs) return true;
  if (age < burstMs) return false;
  const { previous, namespace, policies, now } = request;
  // Somebody new asks: a signature may have come since.
  if (previous?.digest !== known.facts.digest)
    return verdict.outcome !== "Verified" || age >= recheckMs(known, namespace, policies);
  // An old verdict that is not due means that the policies changed: they are decided from what is in hand, at once.
  if (previous.recheckAfter !== undefined && now < new Date(previous.recheckAfter)) return false;
  return verdict.outcome !== "Verified" || age >= recheckMs(known, namespace, policies) / 2;
}

function recheckMs(known: Gathered, namespace: string, policies: readonly ResolvedPolicy[]): number {
  const covering = coveringPolicies(policies, namespace, known.facts.name);
  return strictestValidity(covering.filter((policy) => policy.mode === "Enforce")).recheckAfterMs;
}

/** To be looked at again soon, but not at once: the registry was asked often enough. */
export function postponed(verification: Verification, now: Date): Verification {
  const { verdict } = verification;
  const waitMs = (verdict.recheckAfter.getTime() - now.getTime()) / 4;
  return { ...verification, verdict: { ...verdict, recheckAfter: after(now, waitMs) } };
}
