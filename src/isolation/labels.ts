import { ENFORCEMENT_LABEL, ON_BREACH_LABEL, PROFILE_LABEL } from "../admission/index.ts";
import type { SecureNamespaceSpec } from "../api/index.ts";

/** What a spec says of how its namespace is closed. */
export type Closing = Pick<SecureNamespaceSpec, "enforcement" | "profile" | "onBreach">;

/** Undefined: the label must not be there. Pure. */
export function wantedLabels({
  enforcement,
  profile,
  onBreach,
}: Closing): Readonly<Record<string, string | undefined>> {
  return {
    [ENFORCEMENT_LABEL]: enforcement === "Enforce" ? "enforce" : "audit",
    [PROFILE_LABEL]: profile,
    [ON_BREACH_LABEL]: onBreach === "Block" ? "block" : undefined,
  };
}

/** None of the above: the namespace is opened. */
export const noLabels: Readonly<Record<string, undefined>> = {
  [ENFORCEMENT_LABEL]: undefined,
  [PROFILE_LABEL]: undefined,
  [ON_BREACH_LABEL]: undefined,
};
