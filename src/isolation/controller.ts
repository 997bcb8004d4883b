import { type GrantOwner, WORKLOAD_ROLE, contribute, isExempt, withdraw } from "../admission/index.ts";
import {
  type AdmissionGrantSpec,
  type SecureNamespace,
  type SecureNamespaceSpec,
  type SecureNamespaceStatus,
  parseObject,
  parseStatus,
  secureNamespace,
} from "../api/index.ts";
import {
  type KubeError,
  type KubeObject,
  type ReconcileContext,
  type ReconcileResult,
  ensureFinalizer,
  isKubeError,
} from "../kube/index.ts";
import { nextCheckMs } from "../trust/index.ts";
import { announceAccess, announceImages, announcePods } from "./announce.ts";
import { FINALIZER, bindWorkloadRole, hasLabels, setLabels } from "./cluster.ts";
import { imageFacts } from "./evidence.ts";
import { farewell } from "./farewell.ts";
import { type CheckedImage, imageUses, imagesRenewalDue } from "./granted-uses.ts";
import { checkImage } from "./images.ts";
import { wantedLabels } from "./labels.ts";
import { findNamespace } from "./namespace.ts";
import { type IsolationDependencies, type Pass, passOf } from "./pass.ts";
import { evictPods, ungrantedPods } from "./pods.ts";
import { haltPass, recordFacts, reportBreaches, writeStatus } from "./report.ts";
import { completedStatus } from "./status.ts";

const missingRetryMs = 30_000;
const evictedRetryMs = 10_000;
const minRenewalMs = 1_000;

/** Brings a namespace to what its SecureNamespace asks for. The key is the name of both. */
export function isolationReconciler(
  deps: IsolationDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  return (key, context) => look(passOf(deps, key, context));
}

async function look(pass: Pass): Promise<ReconcileResult> {
  const { deps, client, name } = pass;
  const raw = deps.namespaces.get(name);
  if (raw === undefined) return {};
  if (raw.metadata.deletionTimestamp !== undefined) return farewell(pass, raw);
  const parsed = parseObject(secureNamespace, raw);
  if (!parsed.ok) {
    // What is enforced stays enforced, what is granted ends with its time, and which digest a tag led to is not forgotten.
    const message = `the spec cannot be read: ${parsed.message}`;
    return haltPass(pass, raw, parseStatus(secureNamespace, raw), { reason: "InvalidSpec", message });
  }
  const { spec, status } = parsed.value;
  if (spec.suspend) return haltPass(pass, raw, status, { reason: "Suspended" });
  if (isExempt(name, deps.identity)) {
    const message = `namespace ${name} keeps the cluster or the operator running and is never enforced: use a namespace made for one purpose`;
    return haltPass(pass, raw, status, { reason: "SystemNamespace", message });
  }
  const found = await findNamespace(pass, raw, spec);
  if ("message" in found) {
    await haltPass(pass, raw, status, { reason: "NamespaceMissing", message: found.message });
    return { requeueAfterMs: missingRetryMs };
  }
  const { namespace } = found;
  const current = await ensureFinalizer(client, secureNamespace.resource, raw, FINALIZER);
  // Gone or changed since: the change itself brings the next pass.
  if (current === undefined || current.metadata.deletionTimestamp !== undefined) return {};
  if (current.metadata.generation !== raw.metadata.generation) return { requeueAfterMs: 1_000 };
  return secure(pass, raw, { spec, status }, namespace);
}

async function secure(
  pass: Pass,
  object: SecureNamespace,
  { spec, status }: { readonly spec: SecureNamespaceSpec; readonly status: SecureNamespaceStatus | undefined },
  namespace: KubeObject,
): Promise<ReconcileResult> {
  const { deps, client, name, context, owner } = pass;
  // Registries may be slow: what opens the namespace is said before they are asked.
  const raw = await reportBreaches(pass, object, { spec, status });
  // Grants do not need it: what must be withdrawn is withdrawn all the same.
  const unbound = await bind(pass);

  const images = await Promise.all(spec.allowedImages.map((image) => checkImage(pass, image, status)));
  // A pass that was cut short knows nothing: what it could not find out must not decide.
  context.signal.throwIfAborted();
  const grant = await grantImages(pass, images);
  announceImages(pass, raw, images, status);
  recordFacts(pass, raw, () => imageFacts(images, grant, owner));

  const walls = deps.walls.state(name, raw.metadata.uid);
  const isWalled = (walls?.generation ?? -1) >= (raw.metadata.generation ?? 0);
  // Only now: labels without a grant would refuse everything, and without walls they would promise too much.
  const wanted = wantedLabels(spec);
  const isDue = isWalled || spec.enforcement === "Audit";
  const labelled = isDue ? await setLabels(client, namespace, wanted) : namespace;

  const ungranted = ungrantedPods(deps.pods.list(name), grant, spec, deps.now());
  const evicted = spec.onUngranted === "Evict" && spec.enforcement === "Enforce" ? await evictPods(pass, ungranted) : 0;
  announcePods(pass, raw, ungranted, status);
  const access = deps.access(name);
  announceAccess(pass, raw, access, status);

  const now = deps.now();
  const next = completedStatus(
    status,
    {
      spec,
      generation: raw.metadata.generation ?? 0,
      images,
      guardProblems: deps.guardProblems(),
      labelled: hasLabels(labelled, wanted),
      walls,
      ungranted,
      evicted,
      access,
      name,
      reach: deps.reach({ ...raw, spec }),
      grantedDigests: Object.keys(grant.digests).length,
    },
    now,
  );
  await writeStatus(pass, raw, next);
  if (unbound !== undefined) throw unbound.error;
  const verdicts = images.map(({ verdict }) => verdict);
  const renewal = imagesRenewalDue(images, grant, owner);
  const renewalMs = renewal === undefined ? Infinity : Math.max(minRenewalMs, renewal.getTime() - now.getTime());
  const dueMs = Math.min(nextCheckMs(verdicts, now), renewalMs);
  return { requeueAfterMs: evicted > 0 ? Math.min(evictedRetryMs, dueMs) : dueMs };
}

async function bind({ deps, client, name }: Pass): Promise<{ readonly error: KubeError } | undefined> {
  try {
    const { identity, bindings } = deps;
    const living = bindings.get(`${name}/${WORKLOAD_ROLE}`);
    await bindWorkloadRole(client, name, { identity, living });
    return undefined;
  } catch (error) {
    if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
    return { error };
  }
}

function grantImages(
  { deps, name: namespace, context, owner }: Pass,
  images: readonly CheckedImage[],
): Promise<AdmissionGrantSpec> {
  const now = deps.now();
  const isOrphan = ({ kind, name }: GrantOwner) =>
    kind === "SecureModel" && deps.models.get(`${namespace}/${name}`) === undefined;
  return deps.grants.change(
    namespace,
    (grant) =>
      contribute(withdraw(grant, isOrphan), owner, {
        uses: imageUses(images, grant, owner, now),
        revisions: {},
      }),
    { signal: context.signal, ensure: true },
  );
}
