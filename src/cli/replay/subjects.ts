import { type SecureModel, type SecureNamespace, type VerdictStatus, servedOci } from "../../api/index.ts";
import { parseReference, type Pulling } from "../../trust/index.ts";
import type { ReplayChange } from "./schema.ts";

/** One reference that somebody's policies decide about. */
export interface Subject extends Pick<ReplayChange, "kind" | "namespace" | "name" | "part" | "reference"> {
  /** What is in use; absent where a tag has never been resolved. */
  readonly digest: string | undefined;
  readonly use: "Model" | "Image";
  readonly required: readonly string[];
  readonly pulling: Pulling;
  /** As the operator has it. */
  readonly verdict: VerdictStatus | undefined;
}

/** What a model asks for, and what serves of it while that is something else. Pure. */
export function subjectsOfModel({ metadata, spec, status }: SecureModel): readonly Subject[] {
  const oci = servedOci(spec.source, status?.source);
  // Of what is not imported yet there is nothing to decide.
  if (oci === undefined) return [];
  const artifact = status?.artifact?.reference === oci.reference ? status.artifact : undefined;
  const source: Subject = {
    ...{ kind: "SecureModel", namespace: metadata.namespace ?? "", name: metadata.name, part: "source" },
    reference: oci.reference,
    digest: artifact?.digest,
    use: "Model",
    required: spec.policies.map(({ name }) => name),
    pulling: oci,
    verdict: artifact === undefined ? undefined : status?.verdict,
  };
  const active = status?.active;
  const parsed = parseReference(status?.artifact?.reference ?? oci.reference);
  if (active === undefined || active.digest === source.digest || !parsed.ok) return [source];
  const reference = `${parsed.reference.name}@${active.digest}`;
  return [source, { ...source, part: "active", reference, digest: active.digest, verdict: undefined }];
}

export function subjectsOfNamespace({ metadata, spec, status }: SecureNamespace): readonly Subject[] {
  return spec.allowedImages.map((image): Subject => {
    const entry = status?.images?.find(({ name, reference }) => name === image.name && reference === image.reference);
    return {
      ...{ kind: "SecureNamespace", namespace: metadata.name, name: metadata.name, part: image.name },
      reference: image.reference,
      digest: entry?.verdict.digest,
      use: "Image",
      required: (image.policies ?? []).map(({ name }) => name),
      pulling: image,
      verdict: entry?.verdict,
    };
  });
}
