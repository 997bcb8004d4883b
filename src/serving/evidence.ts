import { z } from "zod";
import type { SecureModel, SecureModelStatus, VerdictStatus } from "../api/index.ts";
import {
  type Fact,
  type GrantedDigest,
  type VerdictAbout,
  grantFact,
  quarantineFact,
  refusalFact,
  verdictFact,
} from "../governance/index.ts";
import { parseReference } from "../trust/index.ts";
import type { GrantedModelRevision } from "./grants.ts";

const SourceReference = z.object({ source: z.object({ oci: z.object({ reference: z.string() }) }) });
/** Reasons that tell how far it is, and refuse nothing. */
const progress: readonly string[] = ["RollingOut", "Suspended", "Importing"];

/** What a status says that was decided. Pure. */
export function factsOf(model: SecureModel, { verdict, quarantine, conditions }: SecureModelStatus): readonly Fact[] {
  const ready = conditions?.find(({ type }) => type === "Ready");
  const isRefused = ready?.status === "False" && ready.reason !== verdict?.reason && !progress.includes(ready.reason);
  return [...verdictFacts(model, verdict), refusalFact(isRefused ? ready : undefined), quarantineFact(quarantine)];
}

/** The verdict that the status is going to name: said before what follows from it. Pure. */
export function verdictFacts(model: SecureModel, verdict: VerdictStatus | undefined): readonly Fact[] {
  const about = aboutOf(model);
  return verdict === undefined || about === undefined ? [] : [verdictFact(verdict, about)];
}

/** The verdict on a revision that serves while another one is asked for. Pure. */
export function activeFact(
  { repository, digest }: { readonly repository: string; readonly digest: string },
  verdict: VerdictStatus,
): Fact {
  return verdictFact(verdict, { part: "active", reference: `${repository}@${digest}`, name: repository });
}

/** All that a model has granted now. Pure. */
export function modelGrantFact(
  granted: readonly GrantedModelRevision[],
  why: { readonly reason: string; readonly message: string },
): Fact {
  const digests = granted.flatMap(({ revision, notAfter }): GrantedDigest[] => {
    const { repository: name, digest, platformDigests } = revision.spec.artifact;
    return [digest, ...platformDigests].map((one) => ({ name, digest: one, uses: ["imageVolume"], notAfter }));
  });
  return grantFact(digests, why);
}

/** Of a model whose spec cannot be read nothing new is known, and what was known is recorded. */
function aboutOf({ spec }: SecureModel): VerdictAbout | undefined {
  const found = SourceReference.safeParse(spec);
  if (!found.success) return undefined;
  const { reference } = found.data.source.oci;
  const parsed = parseReference(reference);
  return parsed.ok ? { reference, name: parsed.reference.name } : { reference };
}
