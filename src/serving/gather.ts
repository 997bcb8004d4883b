import type { ModelRevision, SecureModel, VerdictStatus } from "../api/index.ts";
import { GRANT_NAME } from "../api/index.ts";
import { digestOf, emptyGrant, imagesOf, isGranted, withdraw } from "../admission/index.ts";
import {
  type Standing,
  type Verdict,
  effectiveStanding,
  parseDuration,
  parseReference,
  settleVerdict,
  toVerdictStatus,
  verifyLatest,
} from "../trust/index.ts";
import type { ServingDependencies } from "./dependencies.ts";
import type { Hold } from "./decide.ts";
import type { Artifact } from "./revision.ts";
import { isAlone } from "./fleet.ts";
import { type DeploymentObject, deploymentRunning } from "./workload.ts";

/** What is thought of an artifact now. */
export interface Judgement {
  /** As it goes into a status: unchanged while it says the same. */
  readonly verdict: VerdictStatus;
  readonly standing: Standing;
}

export interface DesiredJudgement extends Judgement {
  /** Absent while the source has not been resolved. */
  readonly artifact?: Artifact;
}

/**
 * What the spec asks for: resolved, then verified. `isKept`: whether there is a revision of a digest, which is what pins a
 * tag to it.
 */
export async function judgeDesired(
  deps: ServingDependencies,
  model: SecureModel,
  isKept: (digest: string) => boolean,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<DesiredJudgement> {
  const namespace = model.metadata.namespace ?? "";
  const { oci } = model.spec.source;
  if (oci === undefined) throw new TypeError("the source is imported before it is judged");
  const pinned = pinnedArtifact(model, isKept, now);
  const previous = model.status?.verdict;
  const { verdict, artifact } = await verifyLatest(deps.verifier, deps, {
    reference: oci.reference,
    ...(pinned === undefined ? {} : { digest: pinned.digest }),
    namespace,
    required: requiredPolicies(model),
    use: "Model",
    previous,
    credentialSource: deps.pullCredentials(namespace, oci, signal),
    now,
    signal,
  });
  const judgement = judged(previous, verdict, now);
  if (artifact !== undefined) return { ...judgement, artifact: { ...artifact, repository: artifact.name } };
  const parsed = parseReference(oci.reference);
  // A tag that cannot be looked up now is what it was before.
  const known = pinned ?? (verdict.outcome === "Indeterminate" ? resolvedBefore(model) : undefined);
  if (known === undefined || !parsed.ok) return judgement;
  const { digest, platformDigests = [] } = known;
  return { ...judgement, artifact: { repository: parsed.reference.name, digest, platformDigests } };
}

/** A revision that is not what the spec asks for now, such as the one that serves while another one comes. */
export async function judgeRevision(
  deps: ServingDependencies,
  model: SecureModel,
  revision: ModelRevision,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<Judgement> {
  const namespace = model.metadata.namespace ?? "";
  const { repository, digest } = revision.spec.artifact;
  const known = model.status?.verdict;
  const previous = revision.status?.verdict ?? (known?.digest === digest ? known : undefined);
  const { verdict } = await verifyLatest(deps.verifier, deps, {
    reference: `${repository}@${digest}`,
    namespace,
    required: requiredPolicies(model),
    use: "Model",
    previous,
    credentialSource: deps.pullCredentials(namespace, revision.spec, signal),
    now,
    signal,
  });
  return judged(previous, verdict, now);
}

function judged(previous: VerdictStatus | undefined, verdict: Verdict, now: Date): Judgement {
  return {
    verdict: settleVerdict(previous, toVerdictStatus(verdict), now),
    standing: effectiveStanding(verdict, now),
  };
}

type KnownArtifact = NonNullable<SecureModel["status"]>["artifact"];

/** What the same reference was resolved to before. */
function resolvedBefore(model: SecureModel): KnownArtifact {
  const known = model.status?.artifact;
  return known !== undefined && known.reference === model.spec.source.oci?.reference ? known : undefined;
}

/** What the reference was resolved to before, while that still counts. */
export function pinnedArtifact(model: SecureModel, isKept: (digest: string) => boolean, now: Date): KnownArtifact {
  const known = resolvedBefore(model);
  if (known === undefined) return undefined;
  const { update, followInterval } = model.spec.source;
  const age = now.getTime() - Date.parse(known.resolvedAt);
  const counts = update === "Pinned" ? isKept(known.digest) : age < (parseDuration(followInterval) ?? 0);
  return counts ? known : undefined;
}

/** Container and init images of a revision that its namespace does not grant now. */
export function ungrantedImages(deps: ServingDependencies, revision: ModelRevision, now: Date): readonly string[] {
  const { namespace = "" } = revision.metadata;
  // Nobody vouches for images there, and nobody refuses them.
  if (isServedUnsecured(deps, namespace)) return [];
  const living = deps.grantObjects.get(`${namespace}/${GRANT_NAME}`)?.spec ?? emptyGrant;
  // What models have granted for their imports is no runtime.
  const grant = withdraw(living, ({ kind }) => kind === "SecureModel");
  return imagesOf(revision.spec.serving.template.spec).flatMap(({ image, use }) => {
    const digest = digestOf(image);
    return digest !== undefined && isGranted(grant, digest, use, now) ? [] : [image];
  });
}

/** Whether models are served in a namespace although nothing keeps it apart, because the administrator allows it. */
export function isServedUnsecured(
  { namespaces, unsecured }: Pick<ServingDependencies, "namespaces" | "unsecured">,
  namespace: string,
): boolean {
  return unsecured !== undefined && namespaces.get(namespace) === undefined && unsecured.allows(namespace);
}

/** Why nothing may be promoted in the namespace, whatever the verdict; undefined when it may. */
export function holdOf(
  deps: Pick<ServingDependencies, "namespaces" | "unsecured" | "guardProblems">,
  namespace: string,
): Hold | undefined {
  if (isServedUnsecured(deps, namespace)) return undefined;
  const secured = deps.namespaces.get(namespace);
  if (secured === undefined) {
    return {
      reason: "NamespaceNotSecured",
      message: `namespace ${namespace} has no SecureNamespace: create one named ${namespace} with profile: serving`,
    };
  }
  // As it was sent: one that cannot be read is for nothing.
  const profile = (secured.spec as Partial<typeof secured.spec> | null | undefined)?.profile;
  if (profile !== "serving") {
    return {
      reason: "NamespaceNotServing",
      message: `namespace ${namespace} is for ${profile ?? "nothing"}: serve models in a namespace with profile: serving`,
    };
  }
  const [problem] = deps.guardProblems();
  if (problem === undefined) return undefined;
  return {
    reason: "PoliciesChanged",
    message: `${problem}: nothing is promoted until it is restored, for example by helm upgrade`,
  };
}

/** How far the Deployments of a model are with a revision. */
export interface Rollout {
  readonly started: boolean;
  readonly done: boolean;
  /** For people: how many replicas answer, and what is in the way. */
  readonly progress: string;
}

export function rolloutOf(
  deployments: readonly DeploymentObject[],
  revision: ModelRevision | undefined,
  replicas: number,
): Rollout {
  const living = deploymentRunning(deployments, revision?.metadata.name);
  if (living === undefined || revision === undefined) return { started: false, done: false, progress: "" };
  const { status, metadata } = living;
  const seen = status?.observedGeneration === metadata.generation;
  const updated = seen ? (status?.updatedReplicas ?? 0) : 0;
  const available = seen ? (status?.availableReplicas ?? 0) : 0;
  const old = (status?.replicas ?? 0) - updated;
  const failure = status?.conditions?.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  const answering = `${Math.min(available, updated)} of ${replicas} replicas answer`;
  return {
    started: true,
    done:
      seen && updated >= replicas && available >= replicas && old <= 0 && isAlone(deployments, revision.metadata.name),
    progress: failure?.message === undefined ? answering : `${answering}: ${failure.message}`,
  };
}

function requiredPolicies(model: SecureModel): readonly string[] {
  // Also asked for models whose spec cannot be read: what runs of them is judged all the same.
  const spec = model.spec as { readonly policies?: unknown } | null | undefined;
  const policies: readonly unknown[] = Array.isArray(spec?.policies) ? spec.policies : [];
  return policies.flatMap((policy) => {
    const name = (policy as { readonly name?: unknown } | null)?.name;
    return typeof name === "string" ? name : [];
  });
}
