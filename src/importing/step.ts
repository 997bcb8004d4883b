import {
  type AdmissionGrantSpec,
  type OciSource,
  type SecureModel,
  type SourceStatus,
  servedOci,
} from "../api/index.ts";
import { IMPORT_LABEL, digestOf } from "../admission/index.ts";
import {
  type KubeObject,
  type ObjectClient,
  type Store,
  isKubeError,
  jobType,
  networkPolicyType,
  podType,
} from "../kube/index.ts";
import { type ManifestRead, parseDuration } from "../trust/index.ts";
import { type JobState, type LookedAt, type SourceCondition, decideLook, dueLook, settled } from "./decide.ts";
import { importNetworkPolicy } from "./import-network.ts";
import { basisOf, jobName, originOf } from "./import-plan.ts";
import { type JobObject, deadlineSeconds, importJob, importRow, keptSeconds, maxCaBytes } from "./job.ts";
import { ImportResult } from "./plan.ts";
import type { Recorded } from "./recorded.ts";
import type { ImportSettings } from "./settings.ts";

export interface ImportDependencies {
  readonly jobs: Store<JobObject>;
  /** Undefined where the administrator has not said which image imports. */
  readonly settings: ImportSettings | undefined;
  /** Reads what a manifest says of itself, with what the namespace pulls with. */
  readonly manifest: (namespace: string, oci: OciSource, signal: AbortSignal) => Promise<ManifestRead>;
}

/** What the pod of an import has to be granted, for as long as it may be made. */
export interface GrantedImport {
  readonly name: string;
  readonly digest: string;
  readonly row: AdmissionGrantSpec["revisions"][string];
  readonly notAfter: Date;
}

/** How the import of a model stands. */
export interface ImportStep {
  readonly status: SourceStatus;
  readonly condition: SourceCondition;
  /** What is served from now on; absent while nothing is imported. */
  readonly oci?: OciSource | undefined;
  /** Why there is nothing to serve. */
  readonly problem?:
    | {
        readonly reason: "Importing" | "ImportFailed" | "ImportMismatch" | "ImportUnavailable";
        readonly message: string;
      }
    | undefined;
  readonly grant?: GrantedImport | undefined;
  /** Brings the cluster there, once the grant is published. Safe to repeat from any point. */
  readonly apply: () => Promise<void>;
  readonly nextMs: number;
}

const FIELD_MANAGER = "mlsecops-importing";
/** Until the caches show what was done. */
const recheckMs = 10_000;
/** Until a registry that did not show an artifact is asked for it again. */
const rereadMs = 30_000;

interface Pod extends KubeObject {
  readonly status?: {
    readonly startTime?: string;
    readonly containerStatuses?: readonly {
      readonly state?: { readonly terminated?: { readonly message?: string; readonly finishedAt?: string } };
    }[];
  };
}

/** Looks at the import of a model; undefined where its source is OCI. Reads only. */
export async function importStep(
  client: ObjectClient,
  { jobs, settings, manifest }: ImportDependencies,
  model: SecureModel,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ImportStep | undefined> {
  const { source } = model.spec;
  if (source.oci !== undefined) return undefined;
  const basis = basisOf(source);
  const { namespace = "", name } = model.metadata;
  const from = originOf(namespace, source);
  const about = { repository: source.import?.repository ?? "", from, basis };
  const before = model.status?.source;
  // Of another source nothing is known.
  const status = before?.imported?.basis === basis ? before : {};
  const known = status.imported;

  const due = dueLook(known, parseDuration(source.followInterval) ?? 0, now);
  const ownJobs = jobs
    .list(namespace)
    .filter(({ metadata }) => metadata.labels?.[IMPORT_LABEL] === name && isOwnedBy(metadata, model));
  const stale = (wanted?: string) => ownJobs.filter((job) => job.metadata.name !== wanted && endOf(job) === undefined);
  if ("waitMs" in due) {
    const apply = () => removeJobs(client, stale());
    return { ...served(settled(status, { from }), model), apply, nextMs: due.waitMs };
  }
  const missing = unavailable(settings);
  if (settings === undefined || missing !== undefined) {
    const condition = { status: "Unknown", reason: "ImportUnavailable", message: missing ?? "" } as const;
    const problem = known === undefined ? { reason: "ImportUnavailable" as const, message: missing ?? "" } : undefined;
    return { ...served({ status, condition }, model), problem, apply: () => Promise.resolve(), nextMs: Infinity };
  }
  const wanted = jobName(model, settings, due.look);
  const job = ownJobs.find(({ metadata }) => metadata.name === wanted);
  const state = await stateOf(client, job);
  const follows = source.update === "Follow";
  const pushed = known === undefined || follows ? pushedBy(model, state) : undefined;
  const recorded = pushed === undefined ? undefined : recordedOf(await manifest(namespace, pushed, signal));
  const looked = decideLook({ status, job: state, about, from, pin: source.pin?.digest, recorded, follows });
  const isOver = state.state === "Over";
  const start = async () => {
    await removeJobs(client, stale(wanted));
    if (state.state === "Missing")
      await startJob(client, model, settings, importJob(model, settings, { name: wanted, known }));
  };
  const gone = isOver ? state.at.getTime() + keptSeconds * 1000 + recheckMs - now.getTime() : recheckMs;
  const unread = recorded?.state === "NotRead" ? Math.min(gone, rereadMs) : gone;
  const again = looked.status === status ? unread : recheckMs;
  const row = { name: wanted, digest: digestOf(settings.image) ?? "", row: importRow(model, settings, known) };
  return {
    ...served(looked, model),
    ...(isOver ? {} : { grant: { ...row, notAfter: grantedUntil(job, now) } }),
    apply: isOver ? () => removeJobs(client, stale(wanted)) : start,
    nextMs: Math.max(again, 1_000),
  };
}

/** The artifact that a Job says it has pushed. */
function pushedBy({ spec: { source } }: SecureModel, job: JobState): OciSource | undefined {
  if (job.state !== "Over" || job.result?.outcome !== "Imported") return undefined;
  const { digest } = job.result;
  return servedOci(source, { imported: { repository: source.import?.repository ?? "", digest } });
}

function recordedOf(read: ManifestRead): Recorded {
  if (read.state === "Read") return read;
  return { state: "NotRead", why: `the artifact could not be read back: ${read.message}` };
}

function served(looked: LookedAt, model: SecureModel): LookedAt & Pick<ImportStep, "oci"> {
  const oci = servedOci(model.spec.source, looked.status);
  return oci === undefined ? looked : { ...looked, oci };
}

function unavailable(settings: ImportSettings | undefined): string | undefined {
  if (settings === undefined)
    return "the operator was not told which image imports: install the chart with image.digest, or start the operator with --import-image=NAME@sha256:…; or use an oci source";
  if ((settings.caBundle?.length ?? 0) > maxCaBytes)
    return `registry.caBundle has more than the ${maxCaBytes} characters that an import can be given: keep only the authorities that are needed`;
  return undefined;
}

/** A pod may be made while its Job may run, and a new grant may be late. */
function grantedUntil(job: JobObject | undefined, now: Date): Date {
  const created = Date.parse(job?.metadata.creationTimestamp ?? "");
  return new Date((Number.isNaN(created) ? now.getTime() : created) + deadlineSeconds * 1000);
}

async function startJob(
  client: ObjectClient,
  model: SecureModel,
  settings: ImportSettings,
  job: KubeObject,
): Promise<void> {
  // First what keeps its pods apart.
  await client.apply(networkPolicyType, importNetworkPolicy(model, settings), { fieldManager: FIELD_MANAGER });
  try {
    await client.create(jobType, job);
  } catch (error) {
    // Ours, from a pass before a crash, or one that the caches do not show yet.
    if (!isKubeError(error, "AlreadyExists")) throw error;
  }
}

async function removeJobs(client: ObjectClient, jobs: readonly JobObject[]): Promise<void> {
  for (const { metadata } of jobs) {
    const { name, namespace = "", uid } = metadata;
    const options = { propagationPolicy: "Background", ...(uid === undefined ? {} : { uid }) } as const;
    await client.remove(jobType, { namespace, name }, options);
  }
}

function isOwnedBy({ ownerReferences = [] }: KubeObject["metadata"], model: SecureModel): boolean {
  return ownerReferences.some(({ uid, controller }) => controller === true && uid === model.metadata.uid);
}

type End = { readonly at: Date; readonly problem: string };

/** When and how a Job ended; undefined while it goes on. */
function endOf({ status, metadata }: JobObject): End | undefined {
  const end = status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
  if (end === undefined) return undefined;
  const at = Date.parse(status?.completionTime ?? end.lastTransitionTime ?? metadata.creationTimestamp ?? "");
  const said = end.type === "Failed" ? (end.message ?? "it failed") : "its pod is gone";
  return { at: new Date(at), problem: `Job ${metadata.name}: ${said}` };
}

async function stateOf(client: ObjectClient, job: JobObject | undefined): Promise<JobState> {
  if (job === undefined || job.metadata.deletionTimestamp !== undefined) return { state: "Missing" };
  const end = endOf(job);
  if (end === undefined) return { state: "Running" };
  return { state: "Over", ...end, result: await resultOf(client, job) };
}

/** What the last pod of the Job said. Asked of the API server: a cache may not show its end yet. */
async function resultOf(client: ObjectClient, { metadata }: JobObject): Promise<ImportResult | undefined> {
  const { name, namespace = "", uid } = metadata;
  const pods = await client.list<Pod>(podType, { namespace, labelSelector: `batch.kubernetes.io/job-name=${name}` });
  const said = pods
    .filter((pod) => pod.metadata.ownerReferences?.some((owner) => owner.kind === "Job" && owner.uid === uid) === true)
    .map(({ status }) => status?.containerStatuses?.[0]?.state?.terminated)
    .flatMap((end) => (end?.message === undefined ? [] : [{ text: end.message, at: end.finishedAt ?? "" }]))
    .sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  return said === undefined ? undefined : parseResult(said.text);
}

/** What a pod says is a claim: its form is checked here, its content where the artifact is verified. */
export function parseResult(text: string): ImportResult | undefined {
  try {
    return ImportResult.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
