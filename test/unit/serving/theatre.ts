import assert from "node:assert/strict";
import type { ModelAction, StrategySpec } from "../../../src/api/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import type { HealthVerdict } from "../../../src/health/index.ts";
import { World, digest, rejected, verified } from "./world.ts";

export const good: HealthVerdict = { state: "Healthy", reason: "SignalsGood", message: "errors is 0.01" };
export const bad: HealthVerdict = {
  state: "Unhealthy",
  reason: "SignalBad",
  message: "errors is 0.5, above the maximum 0.05",
};

interface RouteSpec {
  readonly rules: readonly {
    readonly filters: readonly { readonly requestMirror: { readonly backendRef: { readonly name: string } } }[];
    readonly backendRefs: readonly { readonly name: string; readonly weight: number }[];
  }[];
}

export type Wanted = Partial<Omit<StrategySpec, "steps">> & { readonly steps?: readonly object[] };

/** A model of four pods whose versions are well unless something else is said of them. */
export class Theatre {
  readonly world: World;
  readonly health = new Map<number, HealthVerdict>();
  readonly revoked = new Set<number>();

  constructor(strategy: Wanted, world = new World()) {
    this.world = world;
    this.world.health = (name) => this.health.get(this.versionOf(name)) ?? good;
    this.world.verify = (request) => {
      const found = verified(request);
      return this.revoked.has(Number(found.verdict.digest?.at(-1))) ? rejected(request) : found;
    };
    this.change({
      replicas: 4,
      health: { interval: "5s", warmUp: "0s", startupDeadline: "30m", maxRestarts: 5, signals: [] },
      strategy: { steps: [], hold: "1m", approval: false, type: "RollingUpdate", ...strategy },
    });
  }

  change(part: object): void {
    this.world.edit((spec) => ({ ...spec, ...part }));
  }

  ask(version: number): void {
    this.world.edit((spec) => ({
      ...spec,
      source: { ...spec.source, oci: { reference: `registry.example/models/iris:v${version}` } },
    }));
  }

  async go(version: number): Promise<void> {
    this.ask(version);
    await this.world.settle();
  }

  /** Time goes by, and what is due is done. */
  async later(seconds: number): Promise<void> {
    await this.world.clock.advance(seconds * 1_000);
    await this.world.settle();
  }

  versionOf(revision: string): number {
    const found = this.world.revisions().find(({ metadata }) => metadata.name === revision);
    return Number(found?.spec.artifact.digest.at(-1));
  }

  nameOf(version: number): string {
    return this.world.revisions().find(({ spec }) => spec.artifact.digest === digest(version))?.metadata.name ?? "";
  }

  /** How many pods of each version there are, and of which the Service selects. */
  cast(): string {
    const counts = new Map<number, number>();
    for (const pod of this.world.pods()) {
      const version = this.versionOf(pod.slice("pods/shop/".length, pod.lastIndexOf("-")));
      counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    const selector = this.world.servicePodsOf() as Readonly<Record<string, string>> | undefined;
    const selected = selector?.["mlsecops.io/revision"];
    const pods = [...counts].sort(([a], [b]) => a - b).map(([version, count]) => `v${version}*${count}`);
    return `${pods.join(" ")} by ${selected === undefined ? "all" : `v${this.versionOf(selected)}`}`;
  }

  route() {
    const found = this.world.client.objects.get("httproutes/shop/iris");
    assert.ok(found);
    return found as KubeObject & { readonly spec: RouteSpec };
  }

  /** The Gateway takes the route as it is now. */
  accept(): void {
    const route = this.route();
    const conditions = ["Accepted", "ResolvedRefs"].map((type) => ({
      type,
      status: "True",
      reason: type,
      message: "",
      observedGeneration: route.metadata.generation,
    }));
    const status = { parents: [{ parentRef: { name: "public" }, controllerName: "example.com/gateway", conditions }] };
    this.world.client.add("httproutes", { ...route, status } as KubeObject);
  }

  /** As the API server would say it. */
  #date(): void {
    for (const revision of this.world.revisions()) {
      const creationTimestamp = revision.metadata.creationTimestamp ?? this.world.clock.now().toISOString();
      this.world.client.add("modelrevisions", { ...revision, metadata: { ...revision.metadata, creationTimestamp } });
    }
  }

  order(type: Exclude<ModelAction["spec"]["type"], "BreakGlass">, version?: number, requestedBy = "jane"): void {
    this.#date();
    const action = {
      apiVersion: "mlsecops.io/v1alpha1",
      kind: "ModelAction",
      metadata: {
        name: `${type.toLowerCase()}-${this.world.actions.length}`,
        namespace: "shop",
        creationTimestamp: this.world.clock.now().toISOString(),
      },
      spec: {
        type,
        model: "iris",
        requestedBy,
        reason: "looked at it twice",
        ...(version === undefined ? {} : { revision: this.nameOf(version) }),
      },
    } as ModelAction;
    this.world.actions = [...this.world.actions, action];
  }
}
