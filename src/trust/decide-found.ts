import { createHash } from "node:crypto";
import { decideVerdict } from "./decide.ts";
import type { FactFinder } from "./fact-finder.ts";
import type { ArtifactState } from "./facts.ts";
import { type ResolvedPolicy, coveringPolicies } from "./policies.ts";
import type { Verification, VerifyRequest } from "./verify-request.ts";

/** What follows from an artifact as it was found, for who asks: `warnings` come beside those of the verdict. */
export async function decideFound(
  finder: FactFinder,
  request: VerifyRequest,
  artifact: ArtifactState,
  {
    source,
    warnings = [],
  }: { readonly source: Verification["source"]; readonly warnings?: readonly string[] | undefined },
): Promise<Verification> {
  const checked =
    artifact.state === "Found"
      ? await finder.find(artifact, coveringOf(request, artifact.name), request.signal)
      : { signatureFacts: [] };
  const verdict = decideVerdict({
    artifact,
    namespace: request.namespace,
    policies: request.policies,
    required: request.required ?? [],
    ...checked,
    verifierProblem: "problem" in checked ? checked.problem : undefined,
    use: request.use,
    previous: request.previous,
    exceptions: request.exceptions,
    spread: spreadOf(`${request.namespace} ${request.reference}`),
    now: request.now,
  });
  const found = artifact.state === "Found" ? artifact : undefined;
  return {
    verdict: { ...verdict, warnings: [...new Set([...verdict.warnings, ...(found?.warnings ?? []), ...warnings])] },
    source,
    ...(artifact.state === "Found"
      ? { artifact: { name: artifact.name, digest: artifact.digest, platformDigests: artifact.platformDigests } }
      : {}),
  };
}

/** The policies that have a say in it. */
export function coveringOf({ policies, namespace }: VerifyRequest, name: string): readonly ResolvedPolicy[] {
  return coveringPolicies(policies, namespace, name);
}

/** The same for the same object each time, and even over all. */
function spreadOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32;
}
