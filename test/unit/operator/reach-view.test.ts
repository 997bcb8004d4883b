import assert from "node:assert/strict";
import {
  type SecureModel,
  type SecureNamespace,
  parseObject,
  secureModel,
  secureNamespace,
} from "../../../src/api/index.ts";
import {
  customResourceDefinitionType,
  ingressType,
  namespaceType,
  networkPolicyType,
  podType,
  serviceType,
} from "../../../src/kube/index.ts";
import { declarer } from "../../../src/operator/declarations.ts";
import { ReachView } from "../../../src/operator/reach-view.ts";
import { InstalledKinds } from "../../../src/operator/served-kinds.ts";
import { reachTypes } from "../../../src/reach/index.ts";
import { FakeClock, settle } from "../kube/fake-clock.ts";
import { namespace, pod, policy } from "../reach/support/raw.ts";
import { FakeInformer } from "./support/fake-informer.ts";

const closed = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
const open = { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] };
const routes = "httproutes.gateway.networking.k8s.io";

class World {
  readonly namespaces = new FakeInformer(secureNamespace.resource);
  readonly models = new FakeInformer(secureModel.resource);
  readonly living = new FakeInformer(namespaceType);
  readonly pods = new FakeInformer(podType);
  readonly networkPolicies = new FakeInformer(networkPolicyType);
  readonly allServices = new FakeInformer(serviceType);
  readonly ingresses = new FakeInformer(ingressType);
  readonly definitions = new FakeInformer(customResourceDefinitionType);
  readonly optional = new Map<string, FakeInformer>();
  readonly woken: string[] = [];
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  readonly view: ReachView;

  constructor() {
    const { clock } = this;
    const { signal } = this.stop;
    const served = new InstalledKinds({
      definitions: this.definitions.as(),
      types: reachTypes,
      create: (type) => {
        const informer = new FakeInformer(type);
        this.optional.set(type.kind, informer);
        return informer.as();
      },
      clock,
    });
    const { namespaces, models, living, pods, networkPolicies, allServices, ingresses } = this;
    this.view = new ReachView(
      {
        namespaces: namespaces.as(),
        models: models.as(),
        living: living.as(),
        pods: pods.as(),
        networkPolicies: networkPolicies.as(),
        allServices: allServices.as(),
        ingresses: ingresses.as(),
      },
      {
        served,
        clock,
        signal,
        declare: declarer({
          namespaces: namespaces.as<SecureNamespace>().store,
          models: models.as<SecureModel>().store,
          dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } },
          probes: () => undefined,
          served: () => ({ names: true, admin: undefined }),
          imports: {
            image: "registry.example/importer@sha256:0",
            caBundle: undefined,
            plainHttpHosts: [],
            deniedAddresses: [],
            maxBytes: 1,
            architecture: "amd64",
          },
        }),
      },
    );
    served.start(signal);
    this.view.onChange((names, { pod: isPod }) =>
      this.woken.push(...names.map((name) => `${name}${isPod ? "*" : ""}`)),
    );
  }

  secure(name: string, network: object = {}, generation = 1): void {
    this.namespaces.put({
      metadata: { name, uid: name, generation },
      spec: { profile: "serving", enforcement: "Enforce", network },
    });
  }

  /** Closed, with one pod. */
  tenant(name: string): void {
    this.living.put(namespace(name));
    this.networkPolicies.put(policy(`${name}/closed`, closed));
    this.pods.put(pod(`${name}/web`, "10.0.0.1", { labels: { app: "web" } }));
    this.secure(name);
  }

  found(name: string): readonly string[] {
    const { excess } = this.view.reach(this.object(name));
    return excess.breaches.map(({ reason, object }) => `${reason} ${object.kind}/${object.name}`);
  }

  object(name: string): SecureNamespace {
    const raw = this.namespaces.store.get(name);
    assert.ok(raw);
    const parsed = parseObject(secureNamespace, raw);
    assert.ok(parsed.ok);
    return parsed.value;
  }

  /** Since the last time. */
  wakes(): readonly string[] {
    return this.woken.splice(0);
  }
}

describe("what the operator sees of who reaches whom", () => {
  it("names what opens a namespace, and forgets it when it is gone", () => {
    const world = new World();
    world.tenant("shop");
    world.tenant("bank");
    assert.deepEqual(world.found("shop"), []);
    world.wakes();
    world.networkPolicies.put(policy("shop/allow-all", open));
    assert.deepEqual(world.wakes(), ["shop"]);
    assert.deepEqual(world.found("shop"), ["PolicyWidens NetworkPolicy/allow-all"]);
    assert.deepEqual(world.found("bank"), []);
    world.networkPolicies.delete("shop/allow-all");
    assert.deepEqual(world.wakes(), ["shop"]);
    assert.deepEqual(world.found("shop"), []);
  });

  it("computes again only what a change can touch", () => {
    const world = new World();
    world.tenant("shop");
    world.tenant("bank");
    const before = world.view.reach(world.object("shop")).excess;
    world.networkPolicies.put(policy("bank/allow-all", open));
    world.pods.put(pod("bank/more", "10.0.0.9"));
    assert.equal(world.view.reach(world.object("shop")).excess, before);
    world.pods.put(pod("shop/web", "10.0.0.2", { labels: { app: "web" } }));
    assert.equal(world.view.reach(world.object("shop")).excess, before, "a pod's address is no news");
    world.networkPolicies.put(policy("shop/allow-all", open));
    assert.notEqual(world.view.reach(world.object("shop")).excess, before);
  });

  it("says of a pod that it is one: they come and go", () => {
    const world = new World();
    world.tenant("shop");
    world.wakes();
    world.pods.put(pod("shop/host", "10.0.0.3", { spec: { hostNetwork: true } }));
    assert.deepEqual(world.wakes(), ["shop*"]);
    assert.deepEqual(world.found("shop"), ["HostNetwork Pod/host", "HostNetwork Pod/host"]);
  });

  it("takes another declaration for another answer", () => {
    const world = new World();
    world.tenant("shop");
    world.allServices.put({
      metadata: { name: "door", namespace: "shop" },
      spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80, protocol: "TCP", targetPort: 80 }] },
    });
    assert.deepEqual(world.found("shop"), ["NodePort Service/door"]);
    world.secure("shop", { exposed: [{ kind: "Service", name: "door" }] }, 2);
    assert.deepEqual(world.found("shop"), []);
  });

  it("takes a peer that is secured later for declared from then on", () => {
    const world = new World();
    world.tenant("shop");
    const peer = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gateway" } } };
    const ports = [{ port: 8080 }];
    world.secure("shop", { ingress: [{ name: "in", ports, from: [{ secureNamespace: { name: "gateway" } }] }] }, 2);
    world.networkPolicies.put(policy("shop/in", { podSelector: {}, ingress: [{ from: [peer], ports }] }));
    assert.deepEqual(world.found("shop"), ["PolicyWidens NetworkPolicy/in"]);
    world.wakes();
    world.secure("gateway");
    assert.deepEqual(world.wakes(), ["shop"]);
    assert.deepEqual(world.found("shop"), []);
    world.namespaces.delete("gateway");
    assert.deepEqual(world.found("shop"), ["PolicyWidens NetworkPolicy/in"]);
  });

  it("knows the operator's own policies of the network plugin from others", () => {
    const world = new World();
    world.tenant("shop");
    world.secure("shop", { egress: [{ name: "api", ports: [{ port: 443 }], to: [{ fqdn: "api.example.com" }] }] }, 2);
    world.definitions.put({ metadata: { name: "ciliumnetworkpolicies.cilium.io", uid: "crd" } });
    const cilium = world.optional.get("CiliumNetworkPolicy");
    cilium?.put({ metadata: { name: "mlsecops-out-api-names", namespace: "shop" }, spec: {} });
    assert.deepEqual(world.found("shop"), []);
    cilium?.put({ metadata: { name: "other", namespace: "shop" }, spec: {} });
    assert.deepEqual(world.found("shop"), Array<string>(2).fill("PolicyUnreadable CiliumNetworkPolicy/other"));
  });

  it("takes what imports of models need for declared", () => {
    const world = new World();
    world.tenant("shop");
    world.networkPolicies.put(
      policy("shop/iris-import", {
        podSelector: { matchLabels: { "mlsecops.io/import": "iris" } },
        policyTypes: ["Ingress", "Egress"],
        egress: [{ ports: [{ protocol: "TCP", port: 443 }] }],
      }),
    );
    assert.deepEqual(world.found("shop"), ["PolicyWidens NetworkPolicy/iris-import"]);
    const source = {
      http: { url: "https://models.example.com/iris.onnx" },
      import: { repository: "registry.example.com/models/iris" },
    };
    world.models.put({
      metadata: { name: "iris", namespace: "shop", generation: 1, uid: "m" },
      spec: {
        source,
        workload: {
          managed: { template: { spec: { containers: [{ name: "main", image: `a/b@sha256:${"a".repeat(64)}` }] } } },
        },
      },
    });
    assert.deepEqual(world.found("shop"), []);
  });

  it("knows what was there before a namespace was secured, and keeps nothing of it afterwards", () => {
    const world = new World();
    world.living.put(namespace("late"));
    world.networkPolicies.put(policy("late/allow-all", open));
    world.networkPolicies.put(policy("late/closed", closed));
    assert.deepEqual(world.wakes(), []);
    world.secure("late");
    assert.deepEqual(world.found("late"), ["PolicyWidens NetworkPolicy/allow-all"]);
    const object = world.object("late");
    world.namespaces.delete("late");
    world.networkPolicies.delete("late/allow-all");
    assert.deepEqual(world.wakes(), []);
    assert.deepEqual(
      world.view.reach(object).excess.breaches.map(({ reason }) => reason),
      ["UnselectedPod", "UnselectedPod"],
    );
  });

  it("sees an Ingress, and a route once its kind is installed", () => {
    const world = new World();
    world.tenant("shop");
    const backend = { service: { name: "web", port: { number: 80 } } };
    world.ingresses.put({
      metadata: { name: "in", namespace: "shop" },
      spec: { rules: [{ http: { paths: [{ backend }] } }] },
    });
    assert.deepEqual(world.found("shop"), ["IngressRoute Ingress/in"]);
    world.ingresses.delete("shop/in");
    world.definitions.put({ metadata: { name: routes, uid: "crd" } });
    world.wakes();
    world.optional.get("HTTPRoute")?.put({
      metadata: { name: "route", namespace: "shop" },
      spec: { parentRefs: [{ name: "gateway" }], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] },
    });
    assert.deepEqual(world.wakes(), ["shop"]);
    assert.deepEqual(world.found("shop"), ["GatewayRoute HTTPRoute/route"]);
    world.definitions.delete(routes);
    assert.deepEqual(world.found("shop"), []);
  });

  it("does not know, where a kind that is installed cannot be listed, and wakes everybody for it once", () => {
    const world = new World();
    world.tenant("shop");
    world.tenant("bank");
    world.definitions.put({ metadata: { name: routes, uid: "crd" } });
    world.wakes();
    world.optional.get("HTTPRoute")?.refuse("Forbidden");
    world.optional.get("HTTPRoute")?.refuse("Forbidden");
    assert.deepEqual(world.wakes(), ["shop", "bank"]);
    assert.match(world.view.reach(world.object("shop")).unknown.join(), /^httproutes.*cannot be listed/);
    world.networkPolicies.refuse("Forbidden");
    assert.match(world.view.reach(world.object("shop")).unknown[0] ?? "", /^networkpolicies cannot be listed/);
    assert.deepEqual(world.wakes(), ["shop", "bank"]);
  });

  it("waits a moment for what it knew, and wakes everybody when it knows no more and when it knows again", async () => {
    const world = new World();
    world.tenant("shop");
    world.networkPolicies.sync();
    await settle();
    world.wakes();
    const unknown = () => world.view.reach(world.object("shop")).unknown;
    world.networkPolicies.refuse("Forbidden");
    await world.clock.advance(4_000);
    assert.deepEqual([unknown(), world.wakes()], [[], []]);
    await world.clock.advance(1_001);
    assert.deepEqual(unknown(), ["networkpolicies cannot be listed: networkpolicies: Forbidden"]);
    assert.deepEqual(world.wakes(), ["shop"]);
    world.networkPolicies.refuse(undefined);
    assert.deepEqual([unknown(), world.wakes()], [[], ["shop"]]);
  });
});
