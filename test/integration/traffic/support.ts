import { type ModelRevision, type SecureModel, secureModel } from "../../../src/api/index.ts";
import {
  type KubeObject,
  ObjectClient,
  applyChanges,
  customResourceDefinitionType,
  namespaceType,
  podType,
  serviceType,
} from "../../../src/kube/index.ts";
import { type TrafficDriver, type TrafficSplit, httpRouteType } from "../../../src/traffic/index.ts";
import { SliceSchema, StandIn, endpointSliceType, gatewayDefinition } from "../../support/gateway/index.ts";
import { installCrds } from "../admission/support.ts";
import { connect, eventually, randomName, until } from "../kube/support.ts";

const podPort = 8080;
const fieldManager = "mlsecops-serving";

interface WithSpec extends KubeObject {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}
interface WithStatus extends KubeObject {
  readonly status?: { readonly podIP?: string };
}

/** A model with two revisions in a namespace of its own. Their pods are objects only: stand-ins answer for them. */
export class Shop {
  readonly namespace = randomName("traffic");
  readonly transport = connect();
  readonly client = new ObjectClient({ transport: this.transport });
  readonly one: ModelRevision;
  readonly two: ModelRevision;
  readonly #name: string;
  readonly #standIns = new Map<string, StandIn>();
  #model: SecureModel | undefined;
  #wasServed = false;

  constructor(name = "iris") {
    this.#name = name;
    this.one = this.#revision(`${name}-one`);
    this.two = this.#revision(`${name}-two`);
  }

  get model(): SecureModel {
    if (this.#model === undefined) throw new Error("open comes first");
    return this.#model;
  }

  async open(): Promise<void> {
    await installCrds();
    const definition = await gatewayDefinition("httproutes");
    const { name } = definition.metadata;
    this.#wasServed = (await this.client.get(customResourceDefinitionType, { name })) !== undefined;
    await this.client.apply(customResourceDefinitionType, definition, { fieldManager: "test" });
    await this.client.create<KubeObject>(namespaceType, { metadata: { name: this.namespace } });
    await eventually(() => this.client.list(httpRouteType));
    const containers = [{ name: "runtime", image: `registry.example.com/runtime@sha256:${"a".repeat(64)}` }];
    this.#model = await this.client.create(secureModel.resource, {
      metadata: { name: this.#name, namespace: this.namespace },
      spec: {
        source: { oci: { reference: "registry.example.com/models/iris:v1" } },
        workload: { managed: { template: { spec: { containers } } } },
      },
    } as KubeObject as SecureModel);
  }

  async close(): Promise<void> {
    for (const standIn of this.#standIns.values()) await standIn.stop();
    await this.client.remove(namespaceType, { name: this.namespace });
    if (!this.#wasServed)
      await this.client.remove(customResourceDefinitionType, { name: `httproutes.gateway.networking.k8s.io` });
    this.transport.close();
  }

  /** What the gateway asks for a pod. */
  podAt = (address: string, port: number): string => {
    const standIn = this.#standIns.get(address);
    if (standIn === undefined || port !== podPort) throw new Error(`nobody answers at ${address}:${port}`);
    return standIn.address;
  };

  /** A ready pod of the revision, at this address, and what answers for it. */
  async addPod(revision: ModelRevision, address: string): Promise<StandIn> {
    const standIn = await StandIn.start(revision.metadata.name);
    this.#standIns.set(address, standIn);
    const labels = {
      "app.kubernetes.io/managed-by": "mlsecops-operator",
      "mlsecops.io/model": revision.spec.model,
      "mlsecops.io/revision": revision.metadata.name,
    };
    const name = randomName(revision.metadata.name);
    const pod = {
      metadata: { name, namespace: this.namespace, labels },
      spec: {
        // No node takes it: the test says what became of it.
        schedulerName: "nobody",
        automountServiceAccountToken: false,
        containers: [{ name: "runtime", image: "registry.example.com/runtime", ports: [{ containerPort: podPort }] }],
      },
    };
    await eventually(() => this.client.create(podType, pod));
    const status = {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    const running = { metadata: { name, namespace: this.namespace }, status };
    await this.client.apply(podType, running, { fieldManager: "test", subresource: "status" });
    return standIn;
  }

  /** Applies what the driver wants, as the operator does, and waits for the endpoints that follow from it. */
  async apply(driver: TrafficDriver, split: TrafficSplit | "Quarantine"): Promise<void> {
    const objects = split === "Quarantine" ? driver.quarantined(this.model, 8080) : driver.objects(this.model, split);
    const before = await this.living(driver);
    for (const desired of objects) {
      const type = driver.kinds.find(({ kind }) => kind === desired.kind);
      if (type === undefined) throw new Error(`${desired.kind ?? ""} is not among the driver's kinds`);
      const living = before.find(
        ({ kind, metadata }) => kind === desired.kind && metadata.name === desired.metadata.name,
      );
      await applyChanges(this.client, type, { desired, living }, fieldManager);
    }
    for (const { kind, metadata } of objects) if (kind === "Service") await this.#endpointsFollow(metadata.name);
  }

  /** All objects of the driver's kinds in the namespace. */
  async living(driver: TrafficDriver): Promise<readonly KubeObject[]> {
    const lists = await Promise.all(
      driver.kinds.map(async (type) =>
        (await this.client.list(type, { namespace: this.namespace })).map((one) => ({ ...one, kind: type.kind })),
      ),
    );
    return lists.flat();
  }

  /** The addresses behind a Service are those of the pods that it selects. */
  async #endpointsFollow(service: string): Promise<void> {
    const { client, namespace } = this;
    const of = (labels: Readonly<Record<string, string>> = {}) => ({
      namespace,
      labelSelector: Object.entries(labels)
        .map(([label, value]) => `${label}=${value}`)
        .join(","),
    });
    await until(async () => {
      const { spec } = (await client.get<WithSpec>(serviceType, { namespace, name: service })) ?? {};
      const pods = await client.list<WithStatus>(podType, of(spec?.selector));
      const slices = await client.list(endpointSliceType, of({ "kubernetes.io/service-name": service }));
      const found = slices.flatMap((slice) => SliceSchema.parse(slice).endpoints ?? []).flatMap((one) => one.addresses);
      const wanted = pods.flatMap(({ status }) => status?.podIP ?? []);
      return slices.length > 0 && found.sort().join() === wanted.sort().join();
    });
  }

  #revision(name: string): ModelRevision {
    return {
      metadata: { name, namespace: this.namespace },
      spec: { model: this.#name, serving: { port: podPort } },
    } as ModelRevision;
  }
}
