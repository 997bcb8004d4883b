import { matchesPattern, matchesSegment, type ResolvedPolicy } from "../../trust/index.ts";

/** Why a policy has no say about an artifact in a namespace; undefined when it has. */
export function whyNotCovered(
  { references, namespaces }: Pick<ResolvedPolicy, "references" | "namespaces">,
  namespace: string,
  name: string,
): string | undefined {
  if (!references.some((pattern) => matchesPattern(pattern, name))) return `its scope is ${references.join(", ")}`;
  if (namespaces !== undefined && !namespaces.some((pattern) => matchesSegment(pattern, namespace)))
    return `it is for the namespaces ${namespaces.join(", ")}`;
  return undefined;
}
