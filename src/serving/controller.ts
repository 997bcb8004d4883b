import {
  API_VERSION,
  type AdmissionGrant,
  GRANT_NAME,
  type ModelRevision,
  type SecureModel,
  type SecureModelStatus,
  type SecureNamespace,
  type VerdictStatus,
  modelRevision,
  parseObject,
  secureModel,
} from "../api/index.ts";
import {
  type Contribution,
  type GrantStore,
  contribute,
  digestOf,
  emptyGrant,
  grantedRevision,
  imagesOf,
  isGranted,
} from "../admission/index.ts";
import {
  type Condition,
  type EventRecorder,
  type KubeObject,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  ensureFinalizer,
  isKubeError,
  removeFinalizer,
  setCondition,
} from "../kube/index.ts";
import {
  type Credentials,
  type ResolvedPolicy,
  type Verdict,
  type Verifier,
  effectiveStanding,
  parseDuration,
  parseReference,
  toVerdictStatus,
} from "../trust/index.ts";
import { type Observed, type Plan, decideServing } from "./decide.ts";
import { type Artifact, newRevision, revisionName, surplusRevisions } from "./revision.ts";
import { quarantineSnapshot } from "./snapshot.ts";
import {
  deployment,
  deploymentType,
  modelLabels,
  podTemplate,
  podType,
  probePod,
  service,
  serviceType,
} from "./workload.ts";

const FIELD_MANAGER = "mlsecops-serving";
const FINALIZER = "mlsecops.io/model";

export interface DeploymentObject extends KubeObject {
  readonly spec?: {
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export interface ServingDependencies {
  readonly client: ObjectClient;
  readonly models: Store<SecureModel>;
  readonly revisions: Store<ModelRevision>;
  readonly namespaces: Store<SecureNamespace>;
  readonly grantObjects: Store<AdmissionGrant>;
  readonly deployments: Store<DeploymentObject>;
  readonly grants: GrantStore;
  readonly verifier: Verifier;
  readonly policies: () => readonly ResolvedPolicy[];
  readonly pullCredentials: (
    namespace: string,
    secretNames: readonly string[],
    signal: AbortSignal,
  ) => Promise<Credentials | undefined>;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  readonly events: EventRecorder;
  readonly now: () => Date;
}

interface Judged {
  readonly verdict: Verdict;
  readonly artifact?: Artifact;
}

/** Gathers, decides, applies, reports: one pass for one SecureModel. */
export function servingReconciler(deps: ServingDependencies) {
  return async (key: string, context: ReconcileContext): Promise<ReconcileResult> => {
    const raw = deps.models.get(key);
    if (raw === undefined) return {};
    const client = deps.client.withSignal(context.signal);
    if (raw.metadata.deletionTimestamp !== undefined) {
      await publishGrant(deps, raw, [], context.signal);
      await removeFinalizer(client, secureModel.resource, raw, FINALIZER);
      return {};
    }
    const parsed = parseObject(secureModel, raw);
    if (!parsed.ok) {
      await writeStatus(deps, client, raw, {
        status: raw.status ?? {},
        ready: {
          status: "False",
          reason: "InvalidSpec",
          message: parsed.message,
        },
      });
      return {};
    }
    const model = parsed.value;
    if (model.spec.suspend) {
      await writeStatus(deps, client, model, {
        status: model.status ?? {},
        ready: {
          status: "False",
          reason: "Suspended",
          message: "spec.suspend is true: what runs stays as it is and nothing is started",
        },
      });
      return {};
    }
    await ensureFinalizer(client, secureModel.resource, raw, FINALIZER);
    return reconcileModel(deps, client, model, context);
  };
}

async function reconcileModel(
  deps: ServingDependencies,
  client: ObjectClient,
  model: SecureModel,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const namespace = model.metadata.namespace ?? "";
  const now = deps.now();
  const judged = await judgeDesired(deps, model, context.signal);
  const existing = deps.revisions.list(namespace).filter((revision) => revision.spec.model === model.metadata.name);
  const standing = effectiveStanding(judged.verdict, now);

  let desired: ModelRevision | undefined;
  if (judged.artifact !== undefined) {
    const name = revisionName(model, judged.artifact);
    desired = existing.find((revision) => revision.metadata.name === name);
    if (desired === undefined && standing === "Admit") {
      desired = await createRevision(client, newRevision(model, judged.artifact, existing));
      deps.events.emit(regarding(model), {
        type: "Normal",
        reason: "RevisionCreated",
        note: `revision ${name} of digest ${judged.artifact.digest}`,
        action: "Verify",
      });
    }
  }
  const activeName = model.status?.active?.revision;
  const active = existing.find((revision) => revision.metadata.name === activeName);
  const activeVerdict =
    active === undefined || active.metadata.name === desired?.metadata.name
      ? undefined
      : await judgeRevision(deps, model, active, context.signal);

  const living = deps.deployments.get(`${namespace}/${model.metadata.name}`);
  const observed: Observed = {
    verdict: judged.verdict,
    ungrantedImages: desired === undefined ? [] : ungrantedImages(deps, namespace, desired, now),
    rolledOut: desired !== undefined && isRolledOut(living, desired, model.spec.replicas),
    ...(desired === undefined ? {} : { desired: { name: desired.metadata.name, standing } }),
    ...(active === undefined
      ? {}
      : {
          active: {
            name: active.metadata.name,
            standing: activeVerdict === undefined ? standing : effectiveStanding(activeVerdict, now),
          },
        }),
    ...holdOf(deps, namespace),
  };
  const plan = decideServing(observed);
  const verdicts = new Map<string, Verdict>();
  if (active !== undefined && activeVerdict !== undefined) verdicts.set(active.metadata.name, activeVerdict);
  if (desired !== undefined) verdicts.set(desired.metadata.name, judged.verdict);

  const granted = [desired, active].flatMap((revision) =>
    revision !== undefined && plan.grant.includes(revision.metadata.name)
      ? [{ revision, notAfter: notAfterOf(verdicts.get(revision.metadata.name), now) }]
      : [],
  );
  await publishGrant(deps, model, granted, context.signal);
  const run = granted.find(({ revision }) => revision.metadata.name === plan.run)?.revision;
  const quarantined = await applyWorkload(client, model, { run, living, now });

  const ready = await withAdmissionCheck(client, run, plan, living);
  await pruneRevisions(client, model, existing, plan);
  await writeStatus(deps, client, model, {
    status: nextStatus({ model, judged, plan, run, living, quarantined, now }),
    ready,
  });
  const recheckMs = nextCheckMs(model, judged.verdict, now);
  // What a rollout waits for (a pull, the grant reaching the API server) does not always make an event.
  return { requeueAfterMs: ready.status === "True" ? recheckMs : Math.min(recheckMs, 10_000) };
}

/** What the spec asks for: resolved once a generation when pinned, then verified. */
async function judgeDesired(deps: ServingDependencies, model: SecureModel, signal: AbortSignal): Promise<Judged> {
  const namespace = model.metadata.namespace ?? "";
  const { oci, update, followInterval } = model.spec.source;
  const now = deps.now();
  const known = model.status?.artifact;
  const age = known === undefined ? Infinity : now.getTime() - Date.parse(known.resolvedAt);
  const pinned =
    known !== undefined &&
    known.reference === oci.reference &&
    (update === "Pinned" ? known.generation === model.metadata.generation : age < (parseDuration(followInterval) ?? 0));
  const credentials = await deps.pullCredentials(namespace, names(oci.pullSecrets), signal);
  const { verdict, artifact } = await deps.verifier.verify({
    reference: oci.reference,
    ...(pinned ? { digest: known.digest } : {}),
    namespace,
    policies: deps.policies(),
    required: model.spec.policies.map((policy) => policy.name),
    previous: model.status?.verdict,
    credentials,
    now,
    signal,
  });
  if (artifact !== undefined) return { verdict, artifact: { ...artifact, repository: artifact.name } };
  const parsed = parseReference(oci.reference);
  if (!pinned || !parsed.ok) return { verdict };
  return {
    verdict,
    artifact: {
      repository: parsed.reference.name,
      digest: known.digest,
      platformDigests: known.platformDigests ?? [],
    },
  };
}

async function judgeRevision(
  deps: ServingDependencies,
  model: SecureModel,
  revision: ModelRevision,
  signal: AbortSignal,
): Promise<Verdict> {
  const namespace = model.metadata.namespace ?? "";
  const { repository, digest } = revision.spec.artifact;
  const { verdict } = await deps.verifier.verify({
    reference: `${repository}@${digest}`,
    namespace,
    policies: deps.policies(),
    required: model.spec.policies.map((policy) => policy.name),
    previous: revision.status?.verdict,
    credentials: await deps.pullCredentials(namespace, names(revision.spec.pullSecrets), signal),
    now: deps.now(),
    signal,
  });
  return verdict;
}

async function createRevision(client: ObjectClient, revision: ModelRevision): Promise<ModelRevision> {
  try {
    return await client.create(modelRevision.resource, revision);
  } catch (error) {
    // Ours from a pass before a crash; its name is its content.
    if (!isKubeError(error, "AlreadyExists")) throw error;
    return revision;
  }
}

function ungrantedImages(deps: ServingDependencies, namespace: string, revision: ModelRevision, now: Date): string[] {
  const grant = deps.grantObjects.get(`${namespace}/${GRANT_NAME}`)?.spec ?? emptyGrant;
  return imagesOf(revision.spec.serving.template.spec).flatMap(({ image, use }) => {
    const digest = digestOf(image);
    return digest !== undefined && isGranted(grant, digest, use, now) ? [] : [image];
  });
}

function holdOf(deps: ServingDependencies, namespace: string): Pick<Observed, "hold"> {
  const secured = deps.namespaces.get(namespace);
  if (secured === undefined) {
    return {
      hold: {
        reason: "NamespaceNotSecured",
        message: `namespace ${namespace} has no SecureNamespace: create one named ${namespace} with profile: serving`,
      },
    };
  }
  if (secured.spec.profile !== "serving") {
    return {
      hold: {
        reason: "NamespaceNotServing",
        message: `namespace ${namespace} is for ${secured.spec.profile}: serve models in a namespace with profile: serving`,
      },
    };
  }
  const problem = deps.guardProblems()[0];
  if (problem === undefined) return {};
  return {
    hold: {
      reason: "PoliciesChanged",
      message: `${problem}: nothing is promoted until it is restored, for example by helm upgrade`,
    },
  };
}

async function publishGrant(
  deps: ServingDependencies,
  model: KubeObject,
  granted: readonly { readonly revision: ModelRevision; readonly notAfter: Date }[],
  signal: AbortSignal,
): Promise<void> {
  const contribution: Contribution = {
    uses: granted.flatMap(({ revision, notAfter }) =>
      [revision.spec.artifact.digest, ...revision.spec.artifact.platformDigests].map((digest) => ({
        digest,
        use: "imageVolume" as const,
        notAfter,
      })),
    ),
    revisions: Object.fromEntries(
      granted.map(({ revision }) => [
        revision.metadata.name,
        grantedRevision(revision.spec.model, podTemplate(revision).spec),
      ]),
    ),
  };
  const owner = { kind: "SecureModel", name: model.metadata.name } as const;
  await deps.grants.change(model.metadata.namespace ?? "", (grant) => contribute(grant, owner, contribution), signal);
}

/** Returns the name of the snapshot when the model is quarantined in this pass or was before. */
async function applyWorkload(
  client: ObjectClient,
  model: SecureModel,
  { run, living, now }: Pick<StatusInput, "run" | "living" | "now">,
): Promise<string | undefined> {
  const namespace = model.metadata.namespace ?? "";
  if (run !== undefined) {
    await client.apply(deploymentType, deployment(model, run, model.spec.replicas), { fieldManager: FIELD_MANAGER });
    await client.apply(serviceType, service(model, true), { fieldManager: FIELD_MANAGER });
    return undefined;
  }
  if (living === undefined) return undefined;
  // In this order: the grant is gone already; then no endpoint, the snapshot, no pod.
  await client.apply(serviceType, service(model, false), { fieldManager: FIELD_MANAGER });
  const snapshot = await quarantineSnapshot(client, model, now);
  await client.remove(deploymentType, { namespace, name: model.metadata.name }, { propagationPolicy: "Background" });
  const selector = Object.entries(modelLabels(model.metadata.name))
    .map(([label, value]) => `${label}=${value}`)
    .join(",");
  for (const pod of await client.list(podType, { namespace, labelSelector: selector })) {
    await client.remove(podType, { namespace, name: pod.metadata.name }, { gracePeriodSeconds: 10 });
  }
  return snapshot;
}

/** A rollout that does not move is asked about: the API server's refusal belongs in the condition. */
async function withAdmissionCheck(
  client: ObjectClient,
  run: ModelRevision | undefined,
  plan: Plan,
  living: DeploymentObject | undefined,
): Promise<Plan["ready"]> {
  const available = living?.status?.availableReplicas ?? 0;
  if (run === undefined || plan.ready.reason !== "RollingOut" || available > 0) return plan.ready;
  try {
    await client.create(podType, probePod(run), { dryRun: true });
    return plan.ready;
  } catch (error) {
    if (!isKubeError(error, "Forbidden") && !isKubeError(error, "Invalid")) throw error;
    return { status: "False", reason: "PodRefused", message: error.message };
  }
}

async function pruneRevisions(
  client: ObjectClient,
  model: SecureModel,
  existing: readonly ModelRevision[],
  plan: Plan,
): Promise<void> {
  const { active, lastKnownGood } = model.status ?? {};
  const inUse = new Set(
    [...plan.grant, plan.run, active?.revision, lastKnownGood?.revision].filter((name) => name !== undefined),
  );
  for (const revision of surplusRevisions(existing, inUse, model.spec.historyLimit)) {
    const { namespace = "", name, uid } = revision.metadata;
    await client.remove(modelRevision.resource, { namespace, name }, uid === undefined ? {} : { uid });
  }
}

function isRolledOut(living: DeploymentObject | undefined, revision: ModelRevision, replicas: number): boolean {
  const status = living?.status;
  return (
    living?.spec?.template?.metadata?.labels?.["mlsecops.io/revision"] === revision.metadata.name &&
    status?.observedGeneration === living.metadata.generation &&
    (status?.updatedReplicas ?? 0) >= replicas &&
    (status?.availableReplicas ?? 0) >= replicas &&
    (status?.replicas ?? 0) <= (status?.updatedReplicas ?? 0)
  );
}

interface StatusInput {
  readonly model: SecureModel;
  readonly judged: Judged;
  readonly plan: Plan;
  readonly run: ModelRevision | undefined;
  readonly living: DeploymentObject | undefined;
  readonly quarantined: string | undefined;
  readonly now: Date;
}

function nextStatus({ model, judged, plan, run, living, quarantined, now }: StatusInput): SecureModelStatus {
  const before = model.status ?? {};
  const time = now.toISOString();
  const pointer =
    run === undefined ? undefined : { revision: run.metadata.name, digest: run.spec.artifact.digest, since: time };
  const keep = (old: SecureModelStatus["active"]) => (old?.revision === pointer?.revision ? old : pointer);
  const serves = plan.ready.status === "True";
  const active = run === undefined ? before.active : serves ? keep(before.active) : before.active;
  const rolling = run !== undefined && !serves && run.metadata.name !== before.active?.revision;
  const artifact = artifactStatus(model, judged, now);
  const verdict: VerdictStatus = toVerdictStatus(judged.verdict);
  const quarantine =
    run === undefined && (before.quarantine !== undefined || living !== undefined)
      ? (before.quarantine ?? {
          since: time,
          reason: plan.ready.reason,
          message: plan.ready.message.slice(0, 2048),
          ...(quarantined === undefined ? {} : { snapshot: quarantined }),
        })
      : undefined;
  return {
    replicas: living?.status?.replicas ?? 0,
    readyReplicas: living?.status?.readyReplicas ?? 0,
    selector: Object.entries(modelLabels(model.metadata.name))
      .map(([label, value]) => `${label}=${value}`)
      .join(","),
    verdict,
    ...(artifact === undefined ? {} : { artifact }),
    ...(active === undefined ? {} : { active }),
    ...(rolling && pointer !== undefined ? { candidate: keep(before.candidate) ?? pointer } : {}),
    ...(serves
      ? { lastKnownGood: keep(before.lastKnownGood) }
      : before.lastKnownGood === undefined
        ? {}
        : { lastKnownGood: before.lastKnownGood }),
    ...(quarantine === undefined ? {} : { quarantine }),
  };
}

function artifactStatus(model: SecureModel, judged: Judged, now: Date): SecureModelStatus["artifact"] {
  const known = model.status?.artifact;
  if (judged.artifact === undefined) return known;
  const reference = model.spec.source.oci.reference;
  const generation = model.metadata.generation ?? 0;
  const same =
    known?.digest === judged.artifact.digest && known.reference === reference && known.generation === generation;
  // A followed tag counts as looked up now; a pinned one keeps the time of its only look.
  if (same && model.spec.source.update === "Pinned") return known;
  return {
    reference,
    digest: judged.artifact.digest,
    platformDigests: [...judged.artifact.platformDigests],
    resolvedAt: now.toISOString(),
    generation,
  };
}

async function writeStatus(
  deps: ServingDependencies,
  client: ObjectClient,
  model: SecureModel,
  { status, ready }: { readonly status: SecureModelStatus; readonly ready: Plan["ready"] },
): Promise<void> {
  const now = deps.now();
  const generation = model.metadata.generation ?? 0;
  const before = (model.status?.conditions ?? []) as readonly Condition[];
  const serving = (status.readyReplicas ?? 0) > 0;
  const wanted: readonly Omit<Condition, "lastTransitionTime" | "observedGeneration">[] = [
    { type: "Ready", ...ready },
    {
      type: "Serving",
      status: serving ? "True" : "False",
      reason: serving ? "PodsReady" : "NoReadyPod",
      message: `${status.readyReplicas ?? 0} ready pods`,
    },
    {
      type: "Verified",
      status:
        status.verdict?.outcome === "Verified" ? "True" : status.verdict?.outcome === "Rejected" ? "False" : "Unknown",
      reason: status.verdict?.reason ?? "NotYetVerified",
      message: status.verdict?.message ?? "",
    },
    {
      type: "Reconciling",
      status: ready.reason === "RollingOut" ? "True" : "False",
      reason: ready.reason,
      message: ready.message,
    },
  ];
  let conditions: Condition[] = [...before];
  for (const condition of wanted)
    conditions = setCondition(conditions, { ...condition, observedGeneration: generation }, now);
  const previous = before.find((condition) => condition.type === "Ready");
  if (previous?.reason !== ready.reason || previous.status !== ready.status) {
    deps.events.emit(regarding(model), {
      type: ready.status === "True" || ready.reason === "RollingOut" ? "Normal" : "Warning",
      reason: ready.reason,
      note: ready.message,
      action: "Reconcile",
    });
  }
  await client.apply(
    secureModel.resource,
    {
      apiVersion: API_VERSION,
      kind: secureModel.resource.kind,
      metadata: { name: model.metadata.name, namespace: model.metadata.namespace ?? "" },
      status: { ...status, conditions, observedGeneration: generation },
    } as KubeObject,
    { fieldManager: FIELD_MANAGER, subresource: "status" },
  );
}

function regarding(model: SecureModel): SecureModel & { apiVersion: string; kind: string } {
  return { ...model, apiVersion: API_VERSION, kind: secureModel.resource.kind };
}

function notAfterOf(verdict: Verdict | undefined, now: Date): Date {
  if (verdict?.outcome === "Verified") return verdict.notAfter;
  if (verdict?.outcome === "Indeterminate" && verdict.carried !== undefined) return verdict.carried.graceUntil;
  return now;
}

function nextCheckMs(model: SecureModel, verdict: Verdict, now: Date): number {
  const recheck = verdict.recheckAfter.getTime() - now.getTime();
  const follow =
    model.spec.source.update === "Follow" ? (parseDuration(model.spec.source.followInterval) ?? 300_000) : Infinity;
  return Math.min(Math.max(5_000, Math.min(recheck, follow)), 600_000);
}

function names(secrets: readonly { readonly name: string }[] | undefined): readonly string[] {
  return (secrets ?? []).map((secret) => secret.name);
}
