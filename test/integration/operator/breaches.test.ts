import assert from "node:assert/strict";
import { type SecureNamespace, secureNamespace } from "../../../src/api/index.ts";
import { GrantStore } from "../../../src/admission/index.ts";
import { isolationReconciler } from "../../../src/isolation/index.ts";
import {
  Controller,
  type KubeObject,
  Metrics,
  ObjectClient,
  type ResourceType,
  customResourceDefinitionType,
  ingressType,
  namespaceType,
  networkPolicyType,
  serviceType,
  systemClock,
} from "../../../src/kube/index.ts";
import { declarer } from "../../../src/operator/declarations.ts";
import { createInformers, informerMaker } from "../../../src/operator/informers.ts";
import { ReachView } from "../../../src/operator/reach-view.ts";
import { InstalledKinds } from "../../../src/operator/served-kinds.ts";
import { reachTypes } from "../../../src/reach/index.ts";
import { connect, randomName, silentLog, until } from "../kube/support.ts";
import { Installation, operatorNamespace } from "./support/installation.ts";

/** What is promised. */
const withinMs = 2_000;

const routeType: ResourceType = {
  group: "gateway.networking.k8s.io",
  version: "v1",
  kind: "HTTPRoute",
  plural: "httproutes",
  namespaced: true,
};
/** As much of the Gateway API as is needed. */
const routeDefinition = {
  metadata: {
    name: "httproutes.gateway.networking.k8s.io",
    annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1538" },
  },
  spec: {
    group: routeType.group,
    scope: "Namespaced",
    names: { kind: "HTTPRoute", plural: "httproutes", singular: "httproute", listKind: "HTTPRouteList" },
    versions: [
      {
        ...{ name: "v1", served: true, storage: true },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** Its part that knows who reaches whom, with the controller that says so. */
describe("what opens a secured namespace is named", function () {
  this.timeout(120_000);
  const name = randomName("breached");
  const stop = new AbortController();
  const installation = new Installation();
  const client = installation.admin;
  const events: string[] = [];
  const sns = secureNamespace.resource;

  const condition = async (): Promise<string> => {
    const object = await client.get<SecureNamespace>(sns, { name });
    const found = object?.status?.conditions?.find(({ type }) => type === "Isolated");
    return `${found?.status ?? ""}/${found?.reason ?? ""}: ${found?.message ?? ""}`;
  };
  const says = (text: RegExp, limitMs = withinMs) => until(async () => text.test(await condition()), limitMs);
  const put = (type: ResourceType, object: string, spec: object, changes: object = {}) =>
    client.apply(type, { metadata: { name: object, namespace: name, ...changes }, spec } as KubeObject, {
      fieldManager: "test",
    });
  const remove = (type: ResourceType, object: string) => client.remove(type, { namespace: name, name: object });

  before("a namespace with walls, and the operator's part", async () => {
    await installation.install();
    const own = new ObjectClient({ transport: connect(await installation.operatorKubeConfig()) });
    await client.create<KubeObject>(namespaceType, { metadata: { name } });
    await put(networkPolicyType, "mlsecops-default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    await client.create(sns, {
      metadata: { name },
      spec: { profile: "training", enforcement: "Enforce" },
    } as KubeObject);

    const watching = {
      ...{ client: own, clock: systemClock, log: silentLog(), metrics: new Metrics() },
      operatorNamespace,
    };
    const informers = createInformers(watching);
    const served = new InstalledKinds({
      definitions: informers.definitions,
      types: reachTypes,
      create: informerMaker(watching),
      clock: systemClock,
    });
    const declare = declarer({
      namespaces: informers.namespaces.store,
      models: informers.models.store,
      dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } },
      served: () => ({ names: false, admin: undefined }),
      probes: () => undefined,
      imports: undefined,
    });
    const view = new ReachView(informers, { served, declare, clock: systemClock, signal: stop.signal });
    const controller = new Controller({
      ...watching,
      name: "isolation",
      reconcile: isolationReconciler({
        client: own,
        namespaces: informers.namespaces.store,
        living: informers.living.store,
        models: informers.models.store,
        pods: informers.pods.store,
        bindings: informers.bindings.store,
        grants: new GrantStore(own),
        verifier: { verify: () => Promise.reject(new Error("nothing is verified here")) },
        policies: () => [],
        exceptions: () => [],
        pullCredentials: () => ({ who: name, read: () => Promise.resolve(undefined) }),
        reach: (namespace) => view.reach(namespace),
        access: () => ({ count: 0, examples: [] }),
        // The tests put up the walls themselves.
        walls: {
          state: (_name, uid = "") => ({ uid, generation: 100, objects: 1, repaired: 0, problems: [] }),
          leaving: () => ({ state: "Done" }),
        },
        guardProblems: () => [],
        events: {
          emit: ({ metadata }, { reason }) => {
            if (metadata.name === name) events.push(reason);
          },
        },
        identity: { namespace: operatorNamespace, serviceAccount: "mlsecops-operator" },
        now: () => new Date(),
      }),
    });
    view.onChange((names) => {
      if (names.includes(name)) controller.enqueueUrgent(name);
    });
    informers.namespaces.onChange(({ object }) => {
      if (object.metadata.name === name) controller.enqueue(name);
    });
    for (const informer of Object.values(informers)) informer.start(stop.signal);
    served.start(stop.signal);
    await Promise.all(Object.values(informers).map((informer) => informer.waitForSync(30_000)));
    await served.settled(stop.signal);
    void controller.run(stop.signal);
    await says(/^True\/Isolated/, 10_000);
  });

  after(async () => {
    stop.abort();
    await client.remove(customResourceDefinitionType, { name: routeDefinition.metadata.name });
    await client.patchJson(sns, { name }, [{ op: "add", path: "/metadata/finalizers", value: [] }]);
    await client.remove(sns, { name });
    await client.remove(namespaceType, { name });
    installation.transport.close();
  });

  it("a policy that allows all beside ours, as long as it is there", async () => {
    await put(networkPolicyType, "allow-all", { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] });
    await says(new RegExp(`^False/PolicyWidens: NetworkPolicy ${name}/allow-all: ingress from everybody`));
    const statusNow = async () => (await client.get<SecureNamespace>(sns, { name }))?.status;
    // Isolated is said at once, all else at the end of the pass.
    await until(async () => {
      const ready = (await statusNow())?.conditions?.find(({ type }) => type === "Ready");
      return ready?.reason === "IsolationBreached";
    }, withinMs);
    assert.deepEqual(
      (await statusNow())?.breaches?.examples.map((one) => [one.kind, one.name, one.direction]),
      [["NetworkPolicy", "allow-all", "Ingress"]],
    );
    await remove(networkPolicyType, "allow-all");
    await says(/^True\/Isolated/);
    // Said once it is written.
    await until(() => events.length >= 2, withinMs);
    assert.deepEqual(events, ["BreachFound", "BreachClosed"]);
  });

  it("our own that is gone", async () => {
    const spec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
    await remove(networkPolicyType, "mlsecops-default-deny");
    await says(/^False\/UnselectedPod/);
    await put(networkPolicyType, "mlsecops-default-deny", spec);
    await says(/^True\/Isolated/);
  });

  it("a Service with a port of the nodes, until it is declared", async () => {
    await put(serviceType, "door", { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80 }] });
    await says(new RegExp(`^False/NodePort: Service ${name}/door`));
    const exposed = [{ kind: "Service", name: "door" }];
    await client.patchJson(sns, { name }, [{ op: "add", path: "/spec/network/exposed", value: exposed }]);
    await says(/^True\/Isolated/);
  });

  it("an Ingress", async () => {
    await put(ingressType, "in", { defaultBackend: { service: { name: "door", port: { number: 80 } } } });
    await says(new RegExp(`^False/IngressRoute: Ingress ${name}/in`));
    await remove(ingressType, "in");
    await says(/^True\/Isolated/);
  });

  it("a route of a kind that is installed while the operator runs, and no more when it is removed", async () => {
    await client.apply(customResourceDefinitionType, routeDefinition, { fieldManager: "test" });
    const spec = { parentRefs: [{ name: "edge" }], rules: [{ backendRefs: [{ name: "door", port: 80 }] }] };
    await until(async () => {
      try {
        await put(routeType, "route", spec);
        return true;
      } catch {
        return false;
      }
    });
    await says(new RegExp(`^False/GatewayRoute: HTTPRoute ${name}/route`), 5_000);
    await client.remove(customResourceDefinitionType, { name: routeDefinition.metadata.name });
    await says(/^True\/Isolated/, 15_000);
  });
});
