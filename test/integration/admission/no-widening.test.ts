import { type Call, type Json, apply, eventually, kubectl, must, randomName } from "./support.ts";
import { admitted, create, denied, developer, grant, installPolicies, operator, pod, removePolicies } from "./world.ts";

const gateway = "gateway.networking.k8s.io/v1";

/** As much of the Gateway API as a test needs, where it is not installed. */
function routeDefinition(): Json {
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: "httproutes.gateway.networking.k8s.io",
      annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1538" },
    },
    spec: {
      group: "gateway.networking.k8s.io",
      scope: "Namespaced",
      names: { kind: "HTTPRoute", plural: "httproutes", singular: "httproute", listKind: "HTTPRouteList" },
      versions: [
        {
          ...{ name: "v1", served: true, storage: true },
          schema: { openAPIV3Schema: { type: "object", properties: { spec: open, status: open } } },
        },
      ],
    },
  };
}

describe("a namespace whose breaches are blocked", function () {
  this.timeout(180_000);
  const [blocked, reported] = [randomName("mlsecops-blocked"), randomName("mlsecops-reported")];
  const namespaces = [blocked, reported];
  const policy = (namespace: string, name: string, spec: Json): Json => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace },
    spec: { podSelector: {}, ...spec },
  });
  const service = (namespace: string, name: string, spec: Json): Json => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }], ...spec },
  });
  const ingress = (namespace: string, name: string): Json => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace },
    spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
  });
  const route = (namespace: string, name: string): Json => ({
    apiVersion: gateway,
    kind: "HTTPRoute",
    metadata: { name, namespace },
    spec: { parentRefs: [{ name: "edge" }], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] },
  });
  const allowAll = { ingress: [{}] };
  const declareIt = /declare the traffic in spec\.network of SecureNamespace/;
  const nameIt = (kind: string, name: string) =>
    new RegExp(
      `${kind} ${name} would lead to pods .*name it in spec\\.network\\.exposed of SecureNamespace ${blocked}`,
    );

  before("secure two namespaces, with something in them that was there before", async () => {
    await installPolicies(namespaces);
    await apply([routeDefinition()]);
    await must(["wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io", "--timeout=60s"]);
    await apply(
      [
        policy(blocked, "old", allowAll),
        service(blocked, "old", { type: "NodePort" }),
        route(blocked, "old"),
        ...namespaces.flatMap((namespace) => [
          grant(namespace),
          {
            apiVersion: "mlsecops.io/v1alpha1",
            kind: "SecureNamespace",
            metadata: { name: namespace },
            spec: {
              ...{ profile: "training", enforcement: "Enforce", onBreach: "Block" },
              network: {
                exposed: [
                  { kind: "Service", name: "declared" },
                  { kind: "Ingress", name: "declared" },
                  { kind: "HTTPRoute", name: "declared" },
                ],
              },
            },
          },
        ]),
      ],
      operator,
    );
    for (const [namespace, labels] of [
      [blocked, ["mlsecops.io/on-breach=block"]],
      [reported, []],
    ] as const)
      await must(
        ["label", "namespace", namespace, "mlsecops.io/enforcement=enforce", "mlsecops.io/profile=training", ...labels],
        { as: operator },
      );
    await eventually("the policies", async () => !(await create(policy(blocked, "new", allowAll), developer)).ok);
    await eventually("the parameters", async () => !(await create(ingress(blocked, "new"), developer)).ok);
  });

  after("remove all of it", async () => {
    for (const name of namespaces) await kubectl(["delete", "sns", name, "--ignore-not-found", "--wait=false"]);
    await removePolicies(namespaces);
  });

  it("takes no policy that allows traffic, in or out, from anybody but the operator", async () => {
    denied(await create(policy(blocked, "in", allowAll), developer), declareIt);
    denied(await create(policy(blocked, "out", { egress: [{}], policyTypes: ["Egress"] }), developer), declareIt);
    denied(await create(policy(blocked, "in", allowAll)), declareIt);
    admitted(await create(policy(blocked, "in", allowAll), operator));
  });

  it("takes a policy that only denies", async () => {
    admitted(await create(policy(blocked, "deny", { policyTypes: ["Ingress", "Egress"] }), developer));
  });

  it("takes no pod on the network or a port of its node", async () => {
    const refusal = /hostNetwork and hostPort are refused in this namespace/;
    denied(await create(pod(blocked, { spec: { hostNetwork: true } })), refusal);
    const containers = (hostPort: number) =>
      pod(blocked, {
        spec: {
          containers: [
            {
              name: "main",
              image: "registry.example.com/image@sha256:" + "c".repeat(64),
              ports: [{ containerPort: 80, hostPort }],
            },
          ],
        },
      });
    denied(await create(containers(8080)), refusal);
    admitted(await create(pod(blocked)));
  });

  it("takes no Service that leads in from outside, unless it is declared", async () => {
    for (const type of ["NodePort", "LoadBalancer"]) {
      denied(await create(service(blocked, "new", { type }), developer), nameIt("Service", "new"));
      admitted(await create(service(blocked, "declared", { type }), developer));
    }
    denied(await create(service(blocked, "new", { externalIPs: ["192.0.2.7"] })), nameIt("Service", "new"));
    admitted(await create(service(blocked, "new", {}), developer));
  });

  it("takes no Ingress and no route of the Gateway API, unless it is declared", async () => {
    denied(await create(ingress(blocked, "new"), developer), nameIt("Ingress", "new"));
    admitted(await create(ingress(blocked, "declared"), developer));
    denied(await create(route(blocked, "new")), nameIt("HTTPRoute", "new"));
    admitted(await create(route(blocked, "declared")));
  });

  it("takes a route from the operator only where it is declared, and lets it shift the requests of one that is there", async () => {
    denied(await create(route(blocked, "new"), operator), nameIt("HTTPRoute", "new"));
    admitted(await create(route(blocked, "declared"), operator));
    const patch = (spec: Json, call: Call = {}) =>
      kubectl(["patch", "httproute", "old", "-n", blocked, "--type=merge", "-p", JSON.stringify({ spec })], call);
    const shifted = { rules: [{ backendRefs: [{ name: "web", port: 80, weight: 0 }] }] };
    denied(await patch(shifted), nameIt("HTTPRoute", "old"));
    admitted(await patch(shifted, { as: operator }));
    denied(await patch({ hostnames: ["other.example.com"] }, { as: operator }), nameIt("HTTPRoute", "old"));
    denied(await patch({ parentRefs: [{ name: "other" }] }, { as: operator }), nameIt("HTTPRoute", "old"));
  });

  it("lets what was there before be marked, held by a finalizer, narrowed and deleted, and not be widened", async () => {
    const patch = (kind: string, name: string, body: object) =>
      kubectl(["patch", kind, name, "-n", blocked, "--type=merge", "-p", JSON.stringify(body)], { as: developer });
    for (const kind of ["networkpolicy", "service"]) {
      admitted(await patch(kind, "old", { metadata: { labels: { seen: "yes" }, finalizers: ["example.com/hold"] } }));
      admitted(await kubectl(["delete", kind, "old", "-n", blocked, "--wait=false"], { as: developer }));
    }
    denied(await patch("networkpolicy", "old", { spec: { egress: [{}] } }), declareIt);
    for (const kind of ["networkpolicy", "service"]) {
      admitted(await patch(kind, "old", { metadata: { finalizers: [] } }));
      await eventually(`${kind} old is gone`, async () => !(await kubectl(["get", kind, "old", "-n", blocked])).ok);
    }
  });

  it("takes what a declaration names from when it names it", async () => {
    denied(await create(ingress(blocked, "later"), developer), nameIt("Ingress", "later"));
    await must([
      "patch",
      "sns",
      blocked,
      "--type=json",
      "-p",
      JSON.stringify([{ op: "add", path: "/spec/network/exposed/-", value: { kind: "Ingress", name: "later" } }]),
    ]);
    await eventually("it is declared", async () => (await create(ingress(blocked, "later"), developer)).ok);
  });

  it("does not concern namespaces that only report", async () => {
    admitted(await create(policy(reported, "in", allowAll), developer));
    admitted(await create(service(reported, "new", { type: "NodePort" }), developer));
    admitted(await create(pod(reported, { spec: { hostNetwork: true } })));
  });
});
