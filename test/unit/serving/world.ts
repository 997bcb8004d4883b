import assert from "node:assert/strict";
import { ordersFor } from "../../../src/actions/index.ts";
import { GrantStore, emptyGrant } from "../../../src/admission/index.ts";
import {
  type AdmissionGrant,
  type ModelAction,
  type ModelRevision,
  type SecureModel,
  SecureModelSpec,
  type SecureNamespace,
} from "../../../src/api/index.ts";
import type { EvidenceSink } from "../../../src/governance/index.ts";
import { type EventDetail, type KubeObject, Store, createLogger } from "../../../src/kube/index.ts";
import type { HealthVerdict } from "../../../src/health/index.ts";
import type { Notifier } from "../../../src/notify/index.ts";
import type { ImportSettings, JobObject } from "../../../src/importing/index.ts";
import { originOf } from "../../../src/importing/import-plan.ts";
import { recordedAs } from "../../../src/importing/plan.ts";
import { type DeploymentObject, type UnsecuredNamespaces, servingReconciler } from "../../../src/serving/index.ts";
import { policiesOfModel } from "../../../src/operator/informers.ts";
import type { ManifestRead, Verdict, Verification, VerifyRequest } from "../../../src/trust/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { FakeClock } from "../kube/fake-clock.ts";

export const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
export const runtime = `registry.example/runtime@${digest(9)}`;
export const labels = { "app.kubernetes.io/managed-by": "mlsecops-operator", "mlsecops.io/model": "iris" };

export interface PodObject extends KubeObject {
  readonly status?: unknown;
}

export type LivingDeployment = DeploymentObject & {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
  };
};

type AppliedInferenceService = KubeObject & {
  readonly spec: {
    readonly predictor: { readonly labels: Readonly<Record<string, string>>; readonly minReplicas: number };
  };
};

export function revisionIn({ spec }: LivingDeployment): string {
  return spec.template.metadata.labels["mlsecops.io/revision"] ?? "";
}

/** One model in a namespace, with a cluster around it that does what Kubernetes' own controllers would. */
export class World {
  readonly client = new FakeClient();
  readonly clock = new FakeClock();
  readonly events: EventDetail[] = [];
  readonly asked: VerifyRequest[] = [];
  evidence: EvidenceSink | undefined;
  notify: Pick<Notifier, "changed"> | undefined;
  guardProblems: readonly string[] = [];
  unsecured: UnsecuredNamespaces | undefined;
  importSettings: ImportSettings | undefined;
  /** Of what was imported: by default what the program writes, of content whose digest is that of its files. */
  manifest: (reference: string) => ManifestRead = (reference) => ({
    state: "Read",
    annotations: {
      [recordedAs.source]: originOf("shop", this.model().spec.source),
      [recordedAs.files]: reference.slice(reference.indexOf("@") + 1),
    },
  });
  verify: (request: VerifyRequest) => Verification = (request) => verified(request);
  /** KServe is installed. */
  kserve = false;
  /** Its kinds are there, and nobody has read what there is of them. */
  kserveUnknown = false;
  /** Pods become ready. */
  healthy = true;
  /** Revisions whose pods do not. */
  readonly unready = new Set<string>();
  /** What people want done. */
  actions: readonly ModelAction[] = [];
  /** What is thought of a revision. */
  health: (revision: string) => HealthVerdict | undefined = () => undefined;

  constructor() {
    this.client.add("securemodels", {
      metadata: { name: "iris", namespace: "shop", uid: "m1", generation: 1 },
      spec: modelSpec(),
    } as KubeObject);
    this.client.add("securenamespaces", {
      metadata: { name: "shop" },
      spec: { profile: "serving", enforcement: "Enforce", allowedImages: [] },
    } as KubeObject);
    const notAfter = "2036-01-01T00:00:00Z";
    const grantors = [{ kind: "SecureNamespace", name: "shop", notAfter }];
    this.client.add("admissiongrants", {
      metadata: { name: "mlsecops", namespace: "shop" },
      spec: { digests: { [digest(9)]: { container: { notAfter, grantors } } }, revisions: {} },
    } as KubeObject);
  }

  /** What the informers would bring, and then one pass. */
  async pass() {
    const { client } = this;
    client.writes.length = 0;
    const pods = this.#store<PodObject>("pods");
    const reconcile = servingReconciler({
      client,
      models: this.#store<SecureModel>("securemodels"),
      revisions: this.#store<ModelRevision>("modelrevisions"),
      namespaces: this.#store<SecureNamespace>("securenamespaces"),
      grantObjects: this.#store<AdmissionGrant>("admissiongrants"),
      deployments: this.#store<DeploymentObject>("deployments"),
      services: this.#store("services"),
      inferenceServices: () => {
        if (this.kserveUnknown) throw new Error("InferenceServices are not listed yet");
        return this.kserve ? this.#store("inferenceservices") : undefined;
      },
      podsOf: (namespace, model) =>
        pods.list(namespace).filter(({ metadata }) => metadata.labels?.["mlsecops.io/model"] === model),
      grants: new GrantStore(client),
      verifier: {
        verify: (request) => {
          this.asked.push(request);
          return Promise.resolve(this.verify(request));
        },
      },
      exceptions: () => [],
      policies: () => [],
      pullCredentials: () => ({ who: "shop", read: () => Promise.resolve(undefined) }),
      guardProblems: () => this.guardProblems,
      imports: {
        jobs: this.#store<JobObject>("jobs"),
        settings: this.importSettings,
        manifest: (_namespace, { reference }) => Promise.resolve(this.manifest(reference)),
      },
      unsecured: this.unsecured,
      orders: (_namespace, model) => ordersFor(this.actions, model),
      health: (_key, revision) => this.health(revision),
      events: { emit: (_regarding, detail) => this.events.push(detail) },
      evidence: this.evidence,
      notify: this.notify,
      clock: this.clock,
    });
    const log = createLogger({ level: "silent" });
    const running = reconcile("shop/iris", { log, signal: new AbortController().signal, reconcileId: "test" });
    // A pass that waits for the API server to know a new grant sleeps on the fake clock.
    let over = false;
    const done = running.finally(() => (over = true)).catch(() => undefined);
    while (!over) {
      await Promise.race([done, new Promise((resolve) => setImmediate(resolve))]);
      if (this.clock.timers > 0) await this.clock.advance(1_000);
    }
    return running;
  }

  /** Passes, and the cluster's answer to each, until a pass writes nothing. Returns all that was written. */
  async settle(most = 20): Promise<string[]> {
    const written: string[] = [];
    for (let pass = 0; pass < most; pass++) {
      await this.pass();
      written.push(...this.client.writes);
      const quiet = this.client.writes.length === 0;
      if (!this.kubernetes() && quiet) return written;
    }
    throw new assert.AssertionError({ message: `not at rest after ${most} passes: ${written.slice(-10).join(", ")}` });
  }

  /** Deployments become pods, and pods of a Deployment that is gone go. Returns whether anything changed. */
  kubernetes(): boolean {
    const { client } = this;
    let changed = false;
    if (this.kserve) changed = this.#runKServe();
    const deployments = [...client.objects].flatMap(([key, object]) =>
      key.startsWith("deployments/") ? [object as LivingDeployment] : [],
    );
    const want = new Map<string, string>(
      deployments.flatMap((deployment) => {
        const revision = revisionIn(deployment);
        return Array.from(
          { length: deployment.spec.replicas },
          (_, index) => [`${revision}-${index}`, revision] as const,
        );
      }),
    );
    for (const [key, { metadata }] of client.objects) {
      if (!key.startsWith("pods/") || want.has(metadata.name)) continue;
      client.objects.delete(key);
      changed = true;
    }
    for (const [name, revision] of want) {
      if (client.objects.has(`pods/shop/${name}`)) continue;
      const metadata = { name, namespace: "shop", uid: name, labels: { ...labels, "mlsecops.io/revision": revision } };
      client.add("pods", { metadata });
      changed = true;
    }
    for (const deployment of deployments) changed = this.#report(deployment) || changed;
    return changed;
  }

  /** Each InferenceService becomes a Deployment, and what has lost its own goes, as the garbage collector would have it. */
  #runKServe(): boolean {
    const { objects } = this.client;
    let changed = false;
    const applied = [...objects].flatMap(([key, object]) => (key.startsWith("inferenceservices/") ? [object] : []));
    for (const [key, { metadata }] of objects) {
      const owner = metadata.ownerReferences?.find(({ kind }) => kind === "InferenceService");
      if (owner === undefined || applied.some(({ metadata: { name } }) => name === owner.name)) continue;
      changed = objects.delete(key) || changed;
    }
    for (const { metadata, spec } of applied as unknown as readonly AppliedInferenceService[]) {
      const { name, uid = `uid-of-${name}` } = metadata;
      const { labels: podLabels, minReplicas: replicas } = spec.predictor;
      this.client.add("inferenceservices", { metadata: { ...metadata, uid, generation: 1 }, spec } as KubeObject);
      const before = objects.get(`deployments/shop/${name}-predictor`) as LivingDeployment | undefined;
      const known = { replicas: before?.spec.replicas, labels: before?.spec.template.metadata.labels };
      if (JSON.stringify(known) === JSON.stringify({ replicas, labels: podLabels })) continue;
      const owner = { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", name, uid };
      this.client.add("deployments", {
        metadata: { name: `${name}-predictor`, namespace: "shop", generation: 1, labels, ownerReferences: [owner] },
        spec: { replicas, template: { metadata: { labels: podLabels } } },
        ...(before?.status === undefined ? {} : { status: before.status }),
      } as KubeObject);
      changed = true;
    }
    return changed;
  }

  #report(deployment: LivingDeployment): boolean {
    const { replicas } = deployment.spec;
    const ready = this.healthy && !this.unready.has(revisionIn(deployment)) ? replicas : 0;
    const status = {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: ready,
      availableReplicas: ready,
    };
    if (JSON.stringify(deployment.status) === JSON.stringify(status)) return false;
    const metadata = { ...deployment.metadata, generation: 1 };
    this.client.add("deployments", { ...deployment, metadata, status } as KubeObject);
    return true;
  }

  edit(change: (spec: SecureModel["spec"]) => SecureModel["spec"]): void {
    const model = this.model();
    const metadata = { ...model.metadata, generation: (model.metadata.generation ?? 0) + 1 };
    this.client.add("securemodels", { ...model, metadata, spec: change(model.spec) } as KubeObject);
  }

  /** KServe is to run it from now on, whose container has a name of its own. */
  toKServe(): void {
    this.kserve = true;
    const containers = [{ name: "kserve-container", image: runtime }];
    this.edit((spec) => {
      const { template, ...managed } = spec.workload.managed;
      return {
        ...spec,
        workload: {
          managed: { ...managed, kind: "InferenceService", template: { ...template, spec: { containers } } },
        },
      };
    });
  }

  model(): SecureModel {
    const model = this.client.objects.get("securemodels/shop/iris");
    assert.ok(model);
    return model as SecureModel;
  }

  condition(type = "Ready"): string {
    const found = this.model().status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status ?? "none"}/${found?.reason ?? "none"}`;
  }

  revisions(): readonly ModelRevision[] {
    const found = [...this.client.objects].filter(([key]) => key.startsWith("modelrevisions/"));
    return found.map(([, object]) => object as ModelRevision).sort((a, b) => a.spec.number - b.spec.number);
  }

  phases(): readonly (string | undefined)[] {
    return this.revisions().map(({ status }) => status?.phase);
  }

  grant() {
    return (this.client.objects.get("admissiongrants/shop/mlsecops") as AdmissionGrant | undefined)?.spec ?? emptyGrant;
  }

  /** The model digests that are granted. */
  granted(): readonly string[] {
    return Object.entries(this.grant().digests).flatMap(([key, uses]) => (uses.imageVolume === undefined ? [] : [key]));
  }

  pods(): readonly string[] {
    return [...this.client.objects.keys()].filter((key) => key.startsWith("pods/"));
  }

  servicePodsOf(): unknown {
    return (this.client.objects.get("services/shop/iris") as { spec?: { selector?: unknown } } | undefined)?.spec
      ?.selector;
  }

  #store<T extends KubeObject>(plural: string): Store<T> {
    const store = new Store<T>(plural === "securemodels" ? { policy: policiesOfModel as never } : {});
    for (const [key, object] of this.client.objects)
      if (key.startsWith(`${plural}/`)) store.put(structuredClone(object) as T);
    return store;
  }
}

function modelSpec() {
  return SecureModelSpec.parse({
    source: { oci: { reference: "registry.example/models/iris:v1" } },
    workload: { managed: { template: { spec: { containers: [{ name: "runtime", image: runtime }] } } } },
  });
}

/** The tag's number is the digest's. */
function digestOf({ reference, digest: known }: VerifyRequest): string {
  if (known !== undefined) return known;
  const pinned = /@(sha256:.*)$/.exec(reference)?.[1];
  return pinned ?? digest(Number(/:v(\d)$/.exec(reference)?.[1] ?? 1));
}

function common(request: VerifyRequest) {
  return {
    message: "said",
    digest: digestOf(request),
    policies: [{ name: "release", generation: 1 }],
    trustFingerprint: "t",
    decidedAt: request.now,
    recheckAfter: new Date(request.now.getTime() + 3_600_000),
    warnings: [],
  };
}

function term(now: Date) {
  const notAfter = new Date(now.getTime() + 24 * 3_600_000);
  return { verifiedAt: now, notAfter, onExpiry: "Quarantine", graceUntil: notAfter } as const;
}

const signers = [{ policy: "release", authority: "team", keyFingerprint: "k" }];

function found(request: VerifyRequest, verdict: Verdict): Verification {
  return {
    verdict,
    artifact: { name: "registry.example/models/iris", digest: digestOf(request), platformDigests: [] },
    source: "Registry",
  };
}

export function verified(request: VerifyRequest): Verification {
  return found(request, {
    ...common(request),
    ...term(request.now),
    outcome: "Verified",
    reason: "Verified",
    attestations: [],
    signers,
  });
}

export function rejected(request: VerifyRequest): Verification {
  return found(request, { ...common(request), outcome: "Rejected", reason: "NoAuthorities" });
}

/** The registry is down; what was known of the digest is carried on where it is the same. */
export function unavailable(request: VerifyRequest): Verification {
  const { previous, digest: known } = request;
  const same = previous?.notAfter !== undefined && (known === undefined || previous.digest === known);
  const carried = same
    ? {
        ...term(request.now),
        notAfter: new Date(previous.notAfter ?? 0),
        attestations: [],
        signers,
        policies: [],
        trustFingerprint: "t",
        trust: "Same" as const,
      }
    : undefined;
  const verdict: Verdict = {
    ...common(request),
    digest: known ?? (same ? previous.digest : undefined),
    outcome: "Indeterminate",
    reason: "RegistryUnavailable",
    recheckAfter: new Date(request.now.getTime() + 30_000),
    carried,
    stands: same,
  };
  return { verdict, source: "Registry" };
}
