import { type OperatorIdentity, WALL_LABEL, WORKLOAD_ROLE, isExempt } from "../../admission/index.ts";
import {
  API_VERSION,
  type SecureNamespace,
  type SecureNamespaceSpec,
  parseObject,
  secureNamespace,
} from "../../api/index.ts";
import {
  type EventRecorder,
  type KubeObject,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type ResourceType,
  type Store,
  ensureFinalizer,
  isKubeError,
} from "../../kube/index.ts";
import { type RoleBinding, FINALIZER, bindWorkloadRole, changeNamespace, goesWith } from "../cluster.ts";
import { type LivingWall, type WallPlan, planOf } from "./compare.ts";
import { type Failure, WallKeeper, attempt } from "./keeper.ts";
import type { LivingWalls } from "./living.ts";
import type { DnsPlace } from "./network.ts";
import { podSecurityMarks, podSecurityReturned } from "./pod-security.ts";
import type { WallProblem } from "./problems.ts";
import { quotaOf } from "./profiles.ts";
import { type ConsumingPod, quotaProblem } from "./quota-use.ts";
import { RESOURCES_NAME } from "./resources.ts";
import type { WallsState, WallsView } from "./view.ts";
import { type Wall, wallKey } from "./wall.ts";
import { type ServedNetwork, wallsOf } from "./walls.ts";

export interface WallsDependencies {
  readonly client: ObjectClient;
  readonly namespaces: Store<SecureNamespace>;
  /** The Namespaces themselves. */
  readonly living: Store<KubeObject>;
  readonly pods: Pick<Store<ConsumingPod & KubeObject>, "list">;
  /** Those of the name {@link WORKLOAD_ROLE}. */
  readonly bindings: Store<RoleBinding>;
  readonly walls: LivingWalls;
  readonly view: WallsView;
  readonly served: () => ServedNetwork;
  readonly dns: DnsPlace;
  readonly probes: (name: string) => DnsPlace | undefined;
  /** TCP ports that imports of models into a namespace need. */
  readonly imports?: (name: string) => readonly number[];
  /** RoleBindings for spec.people. */
  readonly people: (name: string, spec: SecureNamespaceSpec) => readonly KubeObject[];
  readonly events: Pick<EventRecorder, "emit">;
  readonly identity: OperatorIdentity;
  /** Who writes the status has something new to say. */
  readonly changed: (name: string) => void;
  /** Counts what was put back. */
  readonly onRepair?: () => void;
  readonly now: () => Date;
}

/** Of the owner alone: it stays when the walls are written anew. */
const OWNER_MANAGER = "mlsecops-walls-owner";
/** While there is no quota nobody counts for us. */
const auditRetryMs = 60_000;

/**
 * Keeps the walls of a namespace as its SecureNamespace asks for them. The key is the name of both. Asks no registry, so that
 * what somebody takes down comes back at once.
 */
export function wallsReconciler(
  deps: WallsDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  const keeper = new WallKeeper();
  return (key, context) => new Pass(deps, keeper, key, context).run();
}

class Pass {
  readonly #deps: WallsDependencies;
  readonly #client: ObjectClient;
  readonly #keeper: WallKeeper;
  readonly #name: string;

  constructor(deps: WallsDependencies, keeper: WallKeeper, name: string, context: ReconcileContext) {
    this.#deps = deps;
    this.#client = deps.client.withSignal(context.signal);
    this.#keeper = keeper;
    this.#name = name;
  }

  async run(): Promise<ReconcileResult> {
    const { namespaces, living, identity, view } = this.#deps;
    const raw = namespaces.get(this.#name);
    if (raw === undefined) {
      view.forget(this.#name);
      return {};
    }
    if (isExempt(this.#name, identity)) return {};
    const parsed = parseObject(secureNamespace, raw);
    const namespace = living.get(this.#name);
    const isThere = namespace !== undefined && namespace.metadata.deletionTimestamp === undefined;
    if (raw.metadata.deletionTimestamp !== undefined)
      return this.#leave(raw, parsed.ok ? parsed.value.spec : undefined, isThere ? namespace : undefined);
    // Why nothing is done is said by who writes the status.
    if (!parsed.ok || parsed.value.spec.suspend || !isThere) return {};
    const current = await ensureFinalizer(this.#client, secureNamespace.resource, raw, FINALIZER);
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return {};
    return this.#keep(raw, parsed.value.spec, namespace);
  }

  async #keep(raw: SecureNamespace, spec: SecureNamespaceSpec, namespace: KubeObject): Promise<ReconcileResult> {
    const { identity, bindings, served, dns, probes, imports, people, namespaces } = this.#deps;
    const isSecured = (name: string) => {
      const peer = namespaces.get(name);
      return peer !== undefined && peer.metadata.deletionTimestamp === undefined;
    };
    const asked = {
      dns,
      isSecured,
      served: served(),
      probes: probes(this.#name),
      imports: imports?.(this.#name),
      people: people(this.#name, spec),
    };
    const { walls, problems } = wallsOf(this.#name, spec, asked);
    const living = bindings.get(`${this.#name}/${WORKLOAD_ROLE}`);
    const failures: Failure[] = [];
    await attempt(failures, `RoleBinding/${WORKLOAD_ROLE}`, () =>
      bindWorkloadRole(this.#client, this.#name, { identity, living }),
    );
    const kept = await this.#keeper.carryOut(this.#client, this.#plan(walls), raw.metadata.uid ?? "");
    failures.push(...kept.failures);
    await attempt(failures, `Namespace/${this.#name}`, () =>
      changeNamespace(this.#client, namespace, podSecurityMarks(namespace, spec)),
    );
    const quota = quotaProblem(quotaOf(spec), this.#counted(), this.#deps.pods.list(this.#name));
    this.#report(raw, {
      objects: walls.length,
      repaired: kept.repaired,
      problems: [...failures.map(incomplete), ...problems, ...(quota === undefined ? [] : [quota])],
    });
    const [failure] = failures;
    if (failure !== undefined) throw failure.error;
    return spec.enforcement === "Audit" ? { requeueAfterMs: auditRetryMs } : {};
  }

  #plan(walls: readonly Wall[]): WallPlan {
    const { walls: there } = this.#deps;
    const living = new Map<string, KubeObject>();
    for (const wall of walls) {
      const object = this.#keeper.living(wall, there.find(wall));
      if (object !== undefined) living.set(wallKey(wall.type, wall.object), object);
    }
    const find = ({ type, object }: Wall) => living.get(wallKey(type, object));
    const plan = planOf(walls, { find, ours: there.ours(this.#name) });
    for (const wall of walls) {
      const object = find(wall);
      if (object !== undefined && !plan.apply.includes(wall)) this.#keeper.seen(wall, object);
    }
    return plan;
  }

  /** What the API server has counted against our quota. */
  #counted(): Readonly<Record<string, string>> | undefined {
    const quota = this.#deps.walls
      .ours(this.#name)
      .find(({ type, object }) => type.kind === "ResourceQuota" && object.metadata.name === RESOURCES_NAME);
    return (quota?.object as { readonly status?: { readonly used?: Record<string, string> } } | undefined)?.status
      ?.used;
  }

  #report(
    raw: SecureNamespace,
    {
      objects,
      repaired,
      problems,
    }: Pick<WallsState, "objects" | "problems"> & { readonly repaired: readonly string[] },
  ): void {
    const { view, changed, onRepair, now, events } = this.#deps;
    const { uid = "", generation = 0 } = raw.metadata;
    const before = view.state(this.#name, uid);
    const regarding = { apiVersion: API_VERSION, kind: secureNamespace.resource.kind, metadata: raw.metadata };
    for (const object of repaired) {
      const note = `${object} had been deleted or changed, and is as it was`;
      events.emit(regarding, { type: "Warning", reason: "WallRepaired", action: "Repair", note });
      onRepair?.();
    }
    const last = repaired.at(-1);
    const state: WallsState = {
      uid,
      generation,
      objects,
      repaired: (before?.repaired ?? raw.status?.walls?.repaired ?? 0) + repaired.length,
      lastRepair: last === undefined ? before?.lastRepair : { object: last, time: now() },
      problems,
    };
    if (view.set(this.#name, state)) changed(this.#name);
  }

  /** Open takes all of it away; else it stays, but for what would be left without a namespace. */
  async #leave(
    raw: SecureNamespace,
    spec: SecureNamespaceSpec | undefined,
    namespace: KubeObject | undefined,
  ): Promise<ReconcileResult> {
    const { view, changed } = this.#deps;
    const { uid = "", finalizers = [] } = raw.metadata;
    if (!finalizers.includes(FINALIZER) || view.leaving(this.#name, uid)?.state === "Done") return {};
    try {
      if (namespace !== undefined && spec?.deletionPolicy === "Open") {
        await this.#removeAll(true);
        const returned = podSecurityReturned(namespace);
        if (returned !== undefined) await changeNamespace(this.#client, namespace, returned);
      } else if (namespace === undefined || (spec !== undefined && goesWith(raw, spec, namespace)))
        await this.#removeAll(false);
      else await this.#leaveTo(namespace);
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      view.setLeaving(this.#name, uid, { state: "Failed", message: `a wall cannot be taken away: ${error.message}` });
      changed(this.#name);
      throw error;
    }
    view.setLeaving(this.#name, uid, { state: "Done" });
    changed(this.#name);
    return {};
  }

  /** What stays and is not in the Namespace goes with it, now that nobody watches it any more. */
  async #leaveTo(namespace: KubeObject): Promise<void> {
    const { name, uid = "" } = namespace.metadata;
    const ownerReferences = [{ apiVersion: "v1", kind: "Namespace", name, uid }];
    for (const { type, object } of await this.#ours(({ namespaced }) => !namespaced))
      await this.#client.apply(
        type,
        { metadata: { name: object.metadata.name, ownerReferences } },
        { fieldManager: OWNER_MANAGER },
      );
  }

  async #removeAll(namespaced: boolean): Promise<void> {
    const ours = await this.#ours((type) => namespaced || !type.namespaced);
    const { removeFirst, removeLast } = planOf([], { find: () => undefined, ours });
    for (const wall of [...removeFirst, ...removeLast]) await this.#keeper.remove(this.#client, wall, true);
  }

  /** As the API server has them: what was written a moment ago is among them. */
  async #ours(isMeant: (type: ResourceType) => boolean): Promise<readonly LivingWall[]> {
    const labelSelector = `${WALL_LABEL}=${this.#name}`;
    const ours: LivingWall[] = [];
    for (const type of this.#deps.walls.types().filter(isMeant)) {
      const scope = type.namespaced ? { namespace: this.#name } : {};
      const found = await this.#client.list(type, { ...scope, labelSelector });
      ours.push(...found.map((object) => ({ type, object })));
    }
    return ours;
  }
}

function incomplete({ name, error }: Failure): WallProblem {
  const message = `${name} cannot be written: ${error.message}. It is tried again; correct what the message names, or the operator's rights`;
  return { reason: "WallsIncomplete", message };
}
