import type { Order } from "../actions/index.ts";
import {
  type LatchStatus,
  type ModelRevision,
  type SecureModel,
  type SecureModelStatus,
  type VerdictStatus,
  modelRevision,
  secureModel,
} from "../api/index.ts";
import { type Fact, evidenceObject } from "../governance/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import { type Logger, type ObjectClient, type ReconcileContext, applyStatus, serviceType } from "../kube/index.ts";
import { type LivingWorkload, isAlive } from "./actions.ts";
import { announce } from "./announce.ts";
import type { ServingDependencies } from "./dependencies.ts";
import { factsOf } from "./evidence.ts";
import { standingLatch, withLatch } from "./latch.ts";
import { isOf, orphansOf, workloadsOf } from "./living.ts";
import { SourceLook } from "./source.ts";
import { FIELD_MANAGER, isOnKServe, revisionRunBy } from "./workload.ts";

/** What one pass over a SecureModel has before it: what is there, and what the pass itself has written of it so far. */
export class Desk {
  readonly deps: ServingDependencies;
  readonly client: ObjectClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly namespace: string;
  readonly key: string;
  readonly living: LivingWorkload;
  readonly now: Date;
  readonly orders: readonly Order[];
  readonly source = new SourceLook();
  model: SecureModel;
  revisions: readonly ModelRevision[];
  latch: LatchStatus | undefined;
  /** The verdict that an Event of this pass has told already, with the revision that was made of it. */
  announced: VerdictStatus | undefined;
  /** Of the model that the status is computed from: what a pass before has just written must not be lost. */
  resourceVersion: string | undefined;
  #announced = false;

  constructor(deps: ServingDependencies, model: SecureModel, { signal, log }: ReconcileContext) {
    const { name, namespace = "", resourceVersion } = model.metadata;
    this.deps = deps;
    this.client = deps.client.withSignal(signal);
    this.signal = signal;
    this.log = log;
    this.model = model;
    this.namespace = namespace;
    this.key = `${namespace}/${name}`;
    this.revisions = deps.revisions.list(namespace).filter((revision) => revision.spec.model === name);
    const deployments = deps.deployments.list(namespace);
    const inferenceServices = isOnKServe(model, this.revisions)
      ? (deps.inferenceServices()?.list(namespace) ?? [])
      : [];
    this.living = {
      deployments: workloadsOf(model, deployments, inferenceServices),
      orphans: orphansOf(model, deployments, inferenceServices),
      // What is listed does not say of which kind it is.
      services: deps.services
        .list(namespace)
        .filter((one) => isOf(one, model))
        .map((one) => ({ ...one, apiVersion: "v1", kind: serviceType.kind })),
      pods: deps.podsOf(namespace, name),
    };
    this.now = deps.clock.now();
    this.orders = deps.orders(namespace, name);
    this.latch = standingLatch(model.status?.latch, this.orders);
    this.resourceVersion = resourceVersion;
  }

  revisionNamed(name: string | undefined): ModelRevision | undefined {
    return this.revisions.find(({ metadata }) => metadata.name === name);
  }

  /** The revision that serves; before one was complete, the one that the model's own Deployment runs. */
  active(): ModelRevision | undefined {
    const { name } = this.model.metadata;
    const own = this.living.deployments.find(({ metadata }) => metadata.name === name);
    return this.revisionNamed(this.model.status?.active?.revision) ?? this.revisionNamed(revisionRunBy(own));
  }

  healthOf(revision: string): HealthVerdict | undefined {
    return this.deps.health(this.key, revision);
  }

  /** Anything of the model. */
  stands(): boolean {
    const { deployments, orphans, pods } = this.living;
    return deployments.length > 0 || orphans.length > 0 || pods.some(isAlive);
  }

  record(facts: () => readonly Fact[]): void {
    const object = evidenceObject(secureModel.resource, this.model);
    if (object !== undefined) this.deps.evidence?.record(object, facts);
  }

  /** @throws KubeError `Conflict` when the model was changed since. */
  async writeStatus(seen: SecureModelStatus): Promise<void> {
    const status = withLatch(this.source.addTo(seen, this), this.latch);
    if (!this.#announced) announce(this, status);
    this.#announced = true;
    this.record(() => factsOf(this.model, status));
    const evidence = this.deps.evidence?.head(this.model.metadata.uid ?? "") ?? this.model.status?.evidence;
    await this.#apply(status, evidence === undefined ? undefined : { evidence });
  }

  /** What is to be known to whoever goes on after a crash, before it is done. */
  async writeDown(status: SecureModelStatus): Promise<void> {
    await this.#apply(status);
    this.model = { ...this.model, status };
  }

  async #apply(status: SecureModelStatus, along?: object): Promise<void> {
    const write = { status, fieldManager: FIELD_MANAGER, resourceVersion: this.resourceVersion, along };
    this.resourceVersion = await applyStatus(this.client, secureModel.resource, this.model, write);
    this.deps.notify?.changed(this.model, this.model.status, status);
  }

  async writeRevision(revision: ModelRevision, status: NonNullable<ModelRevision["status"]>): Promise<ModelRevision> {
    await applyStatus(this.client, modelRevision.resource, revision, { status, fieldManager: FIELD_MANAGER });
    return { ...revision, status };
  }
}
