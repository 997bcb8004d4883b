import type { VerdictStatus } from "../api/index.ts";
import { type ResolvedPolicy, strictestValidity } from "../trust/index.ts";

/** Verdicts are written with whole milliseconds, and statuses may round. */
const roundingMs = 1_000;

/**
 * When a verdict ends that the next look will not renew: it is indeterminate, or it ends sooner than its policies would have
 * it, since what it rests on (a signature's age, a certificate) ends. Undefined for all others, and for a broken glass, whose
 * end is meant. Pure.
 */
export function unrenewedEnd(
  verdict: VerdictStatus,
  policy: (name: string) => ResolvedPolicy | undefined,
): Date | undefined {
  const { outcome, exception, policies = [], verifiedAt, notAfter } = verdict;
  if (notAfter === undefined || exception !== undefined) return undefined;
  const end = new Date(notAfter);
  if (outcome === "Indeterminate") return end;
  if (outcome !== "Verified" || verifiedAt === undefined) return undefined;
  const known = policies.flatMap(({ name }) => policy(name) ?? []);
  // A policy is gone: the verdict is being computed again.
  if (known.length < policies.length) return undefined;
  const { validForMs } = strictestValidity(known.filter(({ mode }) => mode === "Enforce"));
  return end.getTime() < Date.parse(verifiedAt) + validForMs - roundingMs ? end : undefined;
}
