import { type ModelRevision, type SecureModel, type SecureNamespace, sourceReference } from "../api/index.ts";
import { type ResolvedPolicy, isLikelyLost, parseReference } from "../trust/index.ts";

/** Whether what a model runs, or is about to, probably may not under these policies. It only puts work in order. Pure. */
export function modelIsUrgent(
  { metadata, spec, status }: SecureModel,
  active: ModelRevision | undefined,
  policies: readonly ResolvedPolicy[],
): boolean {
  const { namespace = "" } = metadata;
  const { verdict, artifact: known } = status ?? {};
  const parsed = parseReference(sourceReference(spec.source) ?? "");
  const digests = known === undefined ? [] : [known.digest, ...(known.platformDigests ?? [])];
  if (parsed.ok && isLikelyLost(verdict, { namespace, name: parsed.reference.name, digests }, policies)) return true;
  if (active === undefined) return false;
  const { repository, digest, platformDigests } = active.spec.artifact;
  const judged = { namespace, name: repository, digests: [digest, ...platformDigests] };
  return isLikelyLost(active.status?.verdict, judged, policies);
}

/** The same of what the allowed images of a namespace have granted. Pure. */
export function namespaceIsUrgent({ metadata, status }: SecureNamespace, policies: readonly ResolvedPolicy[]): boolean {
  const namespace = metadata.name;
  return (status?.images ?? []).some(({ reference, verdict }) => {
    const parsed = parseReference(reference);
    return parsed.ok && isLikelyLost(verdict, { namespace, name: parsed.reference.name, digests: [] }, policies);
  });
}
