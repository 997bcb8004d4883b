/** Ways into and out of pods that NetworkPolicies do not close: a node's network and ports, and what leads in from outside. */
import { type Breach, type BreachReason, breach } from "./breach.ts";
import type { Declaration } from "./declaration.ts";
import { grouped } from "./grouped.ts";
import { matches } from "./labels.ts";
import type { ObjectRef, Pod, ReferenceGrant, Route, Service } from "./objects.ts";
import { refText } from "./text.ts";
import type { NamespaceView } from "./world.ts";

export function exposureOf(view: NamespaceView, declaration: Declaration): readonly Breach[] {
  const isDeclared = (ref: ObjectRef): boolean => isExposed(declaration, view.name, ref);
  const pods = view.pods.filter(
    ({ finished, ref, owner }) => !finished && !isDeclared(ref) && !(owner !== undefined && isDeclared(owner)),
  );
  return [
    ...byNodes(pods),
    ...view.services.filter(({ ref }) => !isDeclared(ref)).flatMap((service) => byService(service, view)),
    ...view.routes.filter(({ ref }) => !isDeclared(ref)).flatMap((route) => byRoute(route, view)),
  ];
}

export function isExposed({ exposed }: Declaration, own: string, ref: ObjectRef): boolean {
  return exposed.some(
    ({ kind, namespace, name }) => kind === ref.kind && name === ref.name && (namespace ?? own) === ref.namespace,
  );
}

function byNodes(pods: readonly Pod[]): readonly Breach[] {
  const byOwner = [...grouped(pods, ({ owner, ref }) => refText(owner ?? ref)).values()];
  return byOwner.flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const object = first.owner ?? first.ref;
    const onNode = group.filter(({ hostNetwork }) => hostNetwork);
    // In the node's network every port is one of the node's.
    const withPorts = group.filter(({ hostNetwork, hostPorts }) => !hostNetwork && hostPorts.length > 0);
    const ports = withPorts.flatMap(({ hostPorts }) => hostPorts.map(({ protocol, port }) => `${protocol} ${port}`));
    return [
      ...(onNode.length === 0
        ? []
        : [
            breach("HostNetwork", "Ingress", {
              object,
              allows: "ingress from everybody who reaches the node",
              pods: onNode,
            }),
            breach("HostNetwork", "Egress", { object, allows: "egress to all that the node reaches", pods: onNode }),
          ]),
      ...(withPorts.length === 0
        ? []
        : [
            breach("HostPort", "Ingress", {
              object,
              allows: `ingress by the node's ${listed(ports)}`,
              pods: withPorts,
            }),
          ]),
    ];
  });
}

function byService(service: Service, view: NamespaceView): readonly Breach[] {
  const { ref: object, kind, ports, externalAddresses } = service;
  const pods = podsOf(service, view);
  const on = listed(ports.map(({ protocol, port }) => `${protocol} ${port}`));
  const found = (reason: BreachReason, from: string): Breach =>
    breach(reason, "Ingress", { object, allows: `ingress from ${from} on ${on}`, pods });
  return [
    ...(kind === "NodePort" ? [found("NodePort", "everybody who reaches a node")] : []),
    ...(kind === "LoadBalancer" ? [found("LoadBalancer", "everybody who reaches the load balancer")] : []),
    ...(externalAddresses.length > 0
      ? [found("ExternalIPs", `everybody who reaches ${listed(externalAddresses)}`)]
      : []),
  ];
}

function byRoute({ ref, backends }: Route, view: NamespaceView): readonly Breach[] {
  const reached = backends.filter(
    ({ namespace, service }) =>
      namespace === view.name && (ref.namespace === namespace || isGranted(view.referenceGrants, ref, service)),
  );
  if (reached.length === 0) return [];
  const names = new Set(reached.map(({ service }) => service));
  const behind = view.services.filter((service) => names.has(service.ref.name)).flatMap((one) => podsOf(one, view));
  const isIngress = ref.kind === "Ingress";
  const from = isIngress ? "everybody who reaches the ingress controller" : "everybody who reaches its gateway";
  const allows = `ingress from ${from}, by Service ${listed([...names])}`;
  return [
    breach(isIngress ? "IngressRoute" : "GatewayRoute", "Ingress", { object: ref, allows, pods: [...new Set(behind)] }),
  ];
}

/** Routes of other namespaces lead here only with this namespace's consent. */
function isGranted(grants: readonly ReferenceGrant[], route: Route["ref"], service: string): boolean {
  return grants.some(
    ({ from, services }) =>
      from.some(({ kind, namespace }) => kind === route.kind && namespace === route.namespace) &&
      services.some((name) => name === undefined || name === service),
  );
}

function podsOf({ selector }: Service, { pods }: NamespaceView): readonly Pod[] {
  if (selector === undefined) return [];
  return pods.filter(({ finished, labels }) => !finished && matches(selector, labels));
}

function listed(texts: readonly string[]): string {
  const unique = [...new Set(texts)];
  return `${unique.slice(0, 4).join(", ")}${unique.length > 4 ? ` and ${unique.length - 4} more` : ""}`;
}
