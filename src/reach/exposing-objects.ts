/** Services, Ingresses and routes of the Gateway API, as far as they say which pods they lead to. */
import { z } from "zod";
import { labelled } from "./labels.ts";
import { type ReferenceGrant, type Route, type Service, Meta } from "./objects.ts";
import { PortNumber, Protocol } from "./ports.ts";
import { optional } from "./optional.ts";

const Namespaced = Meta.extend({ namespace: z.string().min(1) });
const Strings = optional(z.array(z.string()));

export const ServiceSchema = z.object({
  metadata: Namespaced,
  spec: z.object({
    type: optional(z.enum(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"])),
    selector: optional(z.record(z.string(), z.string())),
    ports: optional(
      z.array(
        z.object({
          name: optional(z.string()),
          protocol: optional(Protocol),
          port: PortNumber,
          targetPort: optional(z.union([z.int().min(0).max(65_535), z.string()])),
        }),
      ),
    ),
    clusterIP: optional(z.string()),
    clusterIPs: Strings,
    externalIPs: Strings,
    loadBalancerIP: optional(z.string()),
    publishNotReadyAddresses: optional(z.boolean()),
    externalName: optional(z.string()),
  }),
});

export function serviceOf({ metadata, spec }: z.output<typeof ServiceSchema>): Service {
  const addresses = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  const labels = Object.entries(spec.selector ?? {});
  return {
    type: "Service",
    ref: { apiVersion: "v1", kind: "Service", namespace: metadata.namespace, name: metadata.name },
    kind: spec.type ?? "ClusterIP",
    headless: addresses.includes("None"),
    selector: labels.length === 0 ? undefined : new Map(labels.flatMap(([key, value]) => [...labelled(key, value)])),
    ports: (spec.ports ?? []).map(({ name, protocol, port, targetPort }) => ({
      name,
      protocol: protocol ?? "TCP",
      port,
      target: targetPort === undefined || targetPort === 0 || targetPort === "" ? port : targetPort,
    })),
    clusterAddresses: addresses.filter((address) => address !== "None" && address !== ""),
    externalAddresses: spec.externalIPs ?? [],
    loadBalancerAddress: spec.loadBalancerIP,
    publishNotReady: spec.publishNotReadyAddresses === true,
    externalName: spec.externalName,
  };
}

const IngressBackend = z.object({ service: optional(z.object({ name: z.string() })) });
const IngressPath = z.object({ backend: IngressBackend });

export const IngressSchema = z.object({
  metadata: Namespaced,
  spec: optional(
    z.object({
      defaultBackend: optional(IngressBackend),
      rules: optional(z.array(z.object({ http: optional(z.object({ paths: z.array(IngressPath) })) }))),
    }),
  ),
});

export function ingressOf({ metadata: { namespace, name }, spec }: z.output<typeof IngressSchema>): Route {
  const backends = [
    spec?.defaultBackend,
    ...(spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []).map(backendOf),
  ];
  return {
    type: "Route",
    ref: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace, name },
    backends: unique(backends.flatMap((one) => (one?.service === undefined ? [] : [one.service.name]))).map(
      (service) => ({
        namespace,
        service,
      }),
    ),
  };
}

function backendOf({ backend }: z.output<typeof IngressPath>): z.output<typeof IngressBackend> {
  return backend;
}

const BackendRef = z.object({
  group: optional(z.string()),
  kind: optional(z.string()),
  namespace: optional(z.string()),
  name: z.string(),
});
const Filters = optional(z.array(z.object({ requestMirror: optional(z.object({ backendRef: BackendRef })) })));

export const GatewayRouteSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: Namespaced,
  spec: z.object({
    parentRefs: optional(z.array(z.object({ kind: optional(z.string()) }))),
    rules: optional(
      z.array(z.object({ backendRefs: optional(z.array(BackendRef.extend({ filters: Filters }))), filters: Filters })),
    ),
  }),
});

/** A route whose parents are all Services directs traffic within the cluster only (GAMMA): it exposes nothing. */
export function gatewayRouteOf({ apiVersion, kind, metadata, spec }: z.output<typeof GatewayRouteSchema>): Route {
  const { namespace, name } = metadata;
  const isExposed = (spec.parentRefs ?? []).some((parent) => parent.kind !== "Service");
  const refs = (spec.rules ?? []).flatMap(({ backendRefs, filters }) => [
    ...(backendRefs ?? []),
    ...[filters, ...(backendRefs ?? []).map((one) => one.filters)]
      .flatMap((list) => list ?? [])
      // A copy of each request goes there.
      .flatMap(({ requestMirror }) => requestMirror?.backendRef ?? []),
  ]);
  const services = refs
    .filter((one) => (one.group ?? "") === "" && (one.kind ?? "Service") === "Service")
    .map((one) => `${one.namespace ?? namespace}/${one.name}`);
  return {
    type: "Route",
    ref: { apiVersion, kind, namespace, name },
    backends: (isExposed ? unique(services) : []).map((key) => {
      const [of = "", service = ""] = key.split("/");
      return { namespace: of, service };
    }),
  };
}

export const ReferenceGrantSchema = z.object({
  apiVersion: z.string(),
  metadata: Namespaced,
  spec: z.object({
    from: z.array(z.object({ group: z.string(), kind: z.string(), namespace: z.string() })),
    to: z.array(z.object({ group: optional(z.string()), kind: z.string(), name: optional(z.string()) })),
  }),
});

export function referenceGrantOf({
  apiVersion,
  metadata,
  spec,
}: z.output<typeof ReferenceGrantSchema>): ReferenceGrant {
  return {
    type: "ReferenceGrant",
    ref: { apiVersion, kind: "ReferenceGrant", namespace: metadata.namespace, name: metadata.name },
    from: spec.from.map(({ kind, namespace }) => ({ kind, namespace })),
    services: spec.to.flatMap(({ group, kind, name }) => ((group ?? "") === "" && kind === "Service" ? [name] : [])),
  };
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
