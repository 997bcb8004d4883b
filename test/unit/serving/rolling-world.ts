import type { KubeObject } from "../../../src/kube/index.ts";
import { type LivingDeployment, World, labels, revisionIn } from "./world.ts";

interface RollingPod extends KubeObject {
  readonly status: { readonly isReady: boolean };
}

type RollingDeployment = LivingDeployment & { readonly spec: { readonly strategy: { readonly type: string } } };

interface Selecting extends KubeObject {
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}

interface Route extends KubeObject {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly Backend[] }[] };
}

interface Backend {
  readonly name: string;
  readonly weight: number;
}

/**
 * A world in which pods come and go one by one, as a Deployment's controller has it (maxUnavailable 0, maxSurge 1), only with a
 * grant, and in which a Gateway needs a moment for a route.
 */
export class RollingWorld extends World {
  readonly #specs = new Map<string, string>();
  #made = 0;
  /** The route that the Gateway goes by. */
  #route: Route | undefined;
  /** Called after every single step of the cluster. */
  onStep: () => void = () => undefined;

  override async pass() {
    this.#countGenerations();
    return super.pass();
  }

  override settle(): Promise<string[]> {
    return super.settle(150);
  }

  /** One step of everything. */
  override kubernetes(): boolean {
    this.#countGenerations();
    const before = this.#picture();
    const deployments = this.#deployments();
    for (const pod of this.#pods())
      if (!deployments.some(({ metadata }) => metadata.name === ownerOf(pod))) this.#drop(pod);
    for (const deployment of deployments) {
      this.#roll(deployment);
      this.#report(deployment);
    }
    this.#accept();
    this.onStep();
    return this.#picture() !== before;
  }

  /** Pods become ready, or are no more, at once: what the operator has no part in. */
  refreshReadiness(): void {
    for (const pod of this.#pods()) if (this.unready.has(revisionOf(pod))) this.#put(pod, false);
    for (const deployment of this.#deployments()) this.#report(deployment);
  }

  /** The revision of each pod to which requests are led and which answers. */
  answering(): readonly string[] {
    const ready = this.#pods().filter(({ status }) => status.isReady);
    const names = this.#backends() ?? ["iris"];
    const selectors = names.map((name) => this.#service(name)?.spec.selector);
    const isLedTo = (pod: RollingPod) =>
      selectors.some(
        (selector) =>
          selector !== undefined &&
          Object.entries(selector).every(([label, value]) => pod.metadata.labels?.[label] === value),
      );
    return ready.filter(isLedTo).map(revisionOf);
  }

  /** The revisions that have pods, one entry for each pod. */
  present(): readonly string[] {
    return this.#pods().map(revisionOf);
  }

  ready(): readonly string[] {
    return this.#pods()
      .filter(({ status }) => status.isReady)
      .map(revisionOf);
  }

  /** By name, those to which a request is led; undefined without a route. */
  #backends(): readonly string[] | undefined {
    // Where the route is gone nobody asks by it.
    const hasRoute = this.client.objects.has("httproutes/shop/iris");
    const refs = (hasRoute ? this.#route : undefined)?.spec.rules[0]?.backendRefs;
    return refs?.filter(({ weight }) => weight > 0).map(({ name }) => name);
  }

  #service(name: string): Selecting | undefined {
    return this.client.objects.get(`services/shop/${name}`) as Selecting | undefined;
  }

  #all(plural: string): readonly KubeObject[] {
    return [...this.client.objects].filter(([key]) => key.startsWith(`${plural}/`)).map(([, object]) => object);
  }

  #deployments(): readonly RollingDeployment[] {
    return this.#all("deployments") as readonly RollingDeployment[];
  }

  #pods(): readonly RollingPod[] {
    return this.#all("pods") as readonly RollingPod[];
  }

  #picture(): string {
    return JSON.stringify([this.#pods(), this.#all("deployments"), this.#all("httproutes")]);
  }

  /** As the API server does with each change of a spec. */
  #countGenerations(): void {
    for (const plural of ["deployments", "httproutes"])
      for (const object of this.#all(plural) as readonly (KubeObject & { readonly spec: unknown })[]) {
        const key = `${plural}/${object.metadata.name}`;
        const spec = JSON.stringify(object.spec);
        if (this.#specs.get(key) === spec && object.metadata.generation !== undefined) continue;
        this.#specs.set(key, spec);
        const generation = (object.metadata.generation ?? 0) + 1;
        this.client.add(plural, { ...object, metadata: { ...object.metadata, generation } });
      }
  }

  #roll(deployment: RollingDeployment): void {
    const revision = revisionIn(deployment);
    const { replicas, strategy } = deployment.spec;
    const own = () => this.#pods().filter((pod) => ownerOf(pod) === deployment.metadata.name);
    const current = () => own().filter((pod) => revisionOf(pod) === revision);
    const old = () => own().filter((pod) => revisionOf(pod) !== revision);
    for (const pod of own()) this.#put(pod, !this.unready.has(revisionOf(pod)));
    if (strategy.type === "Recreate" && old().length > 0) {
      for (const pod of old()) this.#drop(pod);
      return;
    }
    for (const pod of worstFirst(current()).slice(0, Math.max(0, current().length - replicas))) this.#drop(pod);
    const isDispensable = () => own().filter(({ status }) => status.isReady).length > replicas;
    for (const pod of worstFirst(old()))
      if ((!pod.status.isReady && own().length > replicas) || isDispensable()) this.#drop(pod);
    const surge = strategy.type === "Recreate" ? 0 : 1;
    const room = Math.min(replicas - current().length, replicas + surge - own().length);
    if (room > 0 && this.#isGranted(revision)) this.#make(deployment, room);
  }

  #isGranted(revision: string): boolean {
    const digest = this.revisions().find(({ metadata }) => metadata.name === revision)?.spec.artifact.digest ?? "";
    const until = this.grant().digests[digest]?.imageVolume?.notAfter;
    return until !== undefined && this.clock.now() < new Date(until);
  }

  #make(deployment: RollingDeployment, count: number): void {
    for (let made = 0; made < count; made++) {
      this.#made += 1;
      const name = `${revisionIn(deployment)}-${this.#made}`;
      const metadata = {
        name,
        namespace: "shop",
        uid: name,
        labels: { ...labels, "mlsecops.io/revision": revisionIn(deployment) },
        annotations: { owner: deployment.metadata.name },
      };
      this.client.add("pods", { metadata, status: { isReady: false } } as KubeObject);
    }
  }

  #put(pod: RollingPod, isReady: boolean): void {
    this.client.add("pods", { ...pod, status: { isReady } } as KubeObject);
  }

  #drop({ metadata }: RollingPod): void {
    this.client.objects.delete(`pods/shop/${metadata.name}`);
  }

  #report({ metadata: { name } }: RollingDeployment): void {
    const deployment = this.client.objects.get(`deployments/shop/${name}`) as RollingDeployment;
    const own = this.#pods().filter((pod) => ownerOf(pod) === name);
    const ready = own.filter(({ status }) => status.isReady).length;
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas: own.length,
      updatedReplicas: own.filter((pod) => revisionOf(pod) === revisionIn(deployment)).length,
      readyReplicas: ready,
      availableReplicas: ready,
    };
    this.client.add("deployments", { ...deployment, status } as KubeObject);
  }

  #accept(): void {
    const route = this.client.objects.get("httproutes/shop/iris") as Route | undefined;
    this.#route = route;
    if (route === undefined) return;
    const conditions = ["Accepted", "ResolvedRefs"].map((type) => ({
      type,
      status: "True",
      reason: type,
      message: "",
      observedGeneration: route.metadata.generation,
    }));
    const status = { parents: [{ parentRef: { name: "public" }, controllerName: "example.com/gateway", conditions }] };
    this.client.add("httproutes", { ...route, status } as KubeObject);
  }
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.["owner"];
}

function revisionOf({ metadata }: KubeObject): string {
  return metadata.labels?.["mlsecops.io/revision"] ?? "";
}

function worstFirst(pods: readonly RollingPod[]): readonly RollingPod[] {
  return pods.toSorted((a, b) => Number(a.status.isReady) - Number(b.status.isReady));
}
