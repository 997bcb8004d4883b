import { type ModelRevision, type SecureModel, secureModel } from "../../../src/api/index.ts";
import {
  type KubeObject,
  ObjectClient,
  applyChanges,
  customResourceDefinitionType,
  namespaceType,
  serviceType,
} from "../../../src/kube/index.ts";
import { type TrafficDriver, type TrafficSplit, httpRouteType } from "../../../src/traffic/index.ts";
import { StandIn, endpointSliceType, gatewayDefinition } from "../../support/gateway/index.ts";
import { installCrds } from "../admission/support.ts";
import { connect, eventually, randomName } from "../kube/support.ts";

const podPort = 8080;
const fieldManager = "mlsecops-serving";

interface WithSpec extends KubeObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly targetPort?: number }[];
  };
}

interface Pod {
  readonly labels: Readonly<Record<string, string>>;
  readonly standIn: StandIn;
}

/** A model with two revisions in a namespace of its own. It has no pods: stand-ins answer, and the endpoints say so. */
export class Shop {
  readonly namespace = randomName("traffic");
  readonly transport = connect();
  readonly client = new ObjectClient({ transport: this.transport });
  readonly one: ModelRevision;
  readonly two: ModelRevision;
  readonly #name: string;
  readonly #pods = new Map<string, Pod>();
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
    for (const { standIn } of this.#pods.values()) await standIn.stop();
    await this.client.remove(namespaceType, { name: this.namespace });
    if (!this.#wasServed)
      await this.client.remove(customResourceDefinitionType, { name: `httproutes.gateway.networking.k8s.io` });
    this.transport.close();
  }

  /** What the gateway asks for a pod. */
  podAt = (address: string, port: number): string => {
    const pod = this.#pods.get(address);
    if (pod === undefined || port !== podPort) throw new Error(`nobody answers at ${address}:${port}`);
    return pod.standIn.address;
  };

  /** A ready pod of the revision, at this address: there is what answers for it, and no object. */
  async addPod(revision: ModelRevision, address: string): Promise<StandIn> {
    const standIn = await StandIn.start(revision.metadata.name);
    const labels = {
      "app.kubernetes.io/managed-by": "mlsecops-operator",
      "mlsecops.io/model": revision.spec.model,
      "mlsecops.io/revision": revision.metadata.name,
    };
    this.#pods.set(address, { labels, standIn });
    return standIn;
  }

  /** Applies what the driver wants, as the operator does, and then the endpoints that follow from it. */
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
    for (const { kind, metadata } of objects) if (kind === "Service") await this.#writeEndpoints(metadata.name);
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

  /** What Kubernetes' controller writes of pods that are objects, and have a node. */
  async #writeEndpoints(service: string): Promise<void> {
    const { client, namespace } = this;
    const { spec } = (await client.get<WithSpec>(serviceType, { namespace, name: service })) ?? {};
    const selector = Object.entries(spec?.selector ?? {});
    const ready = [...this.#pods].filter(([, { labels }]) => selector.every(([key, value]) => labels[key] === value));
    const slice = {
      metadata: {
        name: `${service}-by-test`,
        namespace,
        labels: { "kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": "test" },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: spec?.ports?.[0]?.targetPort, protocol: "TCP" }],
      endpoints: ready.map(([address]) => ({ addresses: [address], conditions: { ready: true } })),
    };
    await client.apply<KubeObject>(endpointSliceType, slice, { fieldManager: "test" });
  }

  #revision(name: string): ModelRevision {
    return {
      metadata: { name, namespace: this.namespace },
      spec: { model: this.#name, serving: { port: podPort } },
    } as ModelRevision;
  }
}
