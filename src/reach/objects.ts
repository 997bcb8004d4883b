/** What the cluster holds, read at the boundary: of each kind just what decides who reaches whom. */
import { z } from "zod";
import { type AdminPolicySpec, type Subject } from "./admin-policy.ts";
import type { Labels, Selector } from "./labels.ts";
import type { NetworkPolicySpec } from "./network-policy.ts";
import { type ContainerPort, PortNumber, Protocol } from "./ports.ts";
import { optional } from "./optional.ts";

/** Names an object in findings. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for what belongs to no namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface NetworkPolicy extends NetworkPolicySpec {
  readonly type: "NetworkPolicy";
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly labels: Labels;
}

export interface AdminPolicy extends AdminPolicySpec {
  readonly type: "AdminPolicy";
  readonly ref: ObjectRef;
  readonly labels: Labels;
}

/** A policy, or something that exposes pods, whose effect is not known: it does not parse, or its kind is not understood. */
export interface Unreadable {
  readonly type: "Unreadable";
  readonly ref: ObjectRef;
  readonly what: "Policy" | "Exposure" | "Pod";
  readonly problem: string;
  /** Where that much could be read, the pods that it is about; else it may be about all. */
  readonly subject?: Partial<Subject> | undefined;
}

export interface Namespace {
  readonly type: "Namespace";
  readonly ref: ObjectRef;
  readonly labels: Labels;
}

export interface Pod {
  readonly type: "Pod";
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly labels: Labels;
  /** None before it runs. */
  readonly addresses: readonly string[];
  readonly nodeAddresses: readonly string[];
  readonly node?: string | undefined;
  readonly hostNetwork: boolean;
  readonly ports: readonly ContainerPort[];
  readonly hostPorts: readonly { readonly port: number; readonly protocol: Protocol }[];
  /** Succeeded or Failed: it has no network any more, and its address may be somebody else's. */
  readonly finished: boolean;
  readonly serviceAccount: string;
  /** What made it, such as a ReplicaSet. */
  readonly owner?: ObjectRef | undefined;
}

export interface ServicePort {
  readonly name?: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
  readonly target: number | string;
}

export interface Service {
  readonly type: "Service";
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly kind: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
  readonly headless: boolean;
  /** Undefined: somebody else says what is behind it. */
  readonly selector?: Selector | undefined;
  readonly ports: readonly ServicePort[];
  readonly clusterAddresses: readonly string[];
  readonly externalAddresses: readonly string[];
  readonly loadBalancerAddress?: string | undefined;
  readonly publishNotReady: boolean;
  readonly externalName?: string | undefined;
}

/** An Ingress, or a route of the Gateway API: what leads to Services from outside. */
export interface Route {
  readonly type: "Route";
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly backends: readonly { readonly namespace: string; readonly service: string }[];
}

/** Lets routes of other namespaces lead to Services of this one. */
export interface ReferenceGrant {
  readonly type: "ReferenceGrant";
  readonly ref: ObjectRef & { readonly namespace: string };
  readonly from: readonly { readonly kind: string; readonly namespace: string }[];
  /** Undefined: to every Service. */
  readonly services: readonly (string | undefined)[];
}

export type ReachObject = NetworkPolicy | AdminPolicy | Unreadable | Namespace | Pod | Service | Route | ReferenceGrant;

export const Meta = z.object({
  name: z.string().min(1),
  namespace: optional(z.string()),
  labels: optional(z.record(z.string(), z.string())),
});

const OwnerReference = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  controller: optional(z.boolean()),
});

const Port = z.object({
  name: optional(z.string()),
  containerPort: PortNumber,
  hostPort: optional(z.int().min(0).max(65_535)),
  protocol: optional(Protocol),
});
const Container = z.object({ ports: optional(z.array(Port)), restartPolicy: optional(z.string()) });

export const PodSchema = z.object({
  metadata: Meta.extend({ namespace: z.string().min(1), ownerReferences: optional(z.array(OwnerReference)) }),
  spec: z.object({
    hostNetwork: optional(z.boolean()),
    nodeName: optional(z.string()),
    serviceAccountName: optional(z.string()),
    containers: z.array(Container),
    initContainers: optional(z.array(Container)),
  }),
  status: optional(
    z.object({
      phase: optional(z.string()),
      podIP: optional(z.string()),
      podIPs: optional(z.array(z.object({ ip: optional(z.string()) }))),
      hostIP: optional(z.string()),
      hostIPs: optional(z.array(z.object({ ip: optional(z.string()) }))),
    }),
  ),
});

export function podOf({ metadata, spec, status }: z.output<typeof PodSchema>): Pod {
  const { name, namespace, labels, ownerReferences } = metadata;
  const owner = ownerReferences?.find(({ kind, controller }) => controller === true && kind !== "Node");
  // An init container that goes on running is a sidecar, and listens as containers do.
  const sidecars = spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === "Always") ?? [];
  const named = [...spec.containers, ...sidecars].flatMap(({ ports }) => ports ?? []);
  const all = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ ports }) => ports ?? []);
  return {
    type: "Pod",
    ref: { apiVersion: "v1", kind: "Pod", namespace, name },
    labels: labels ?? {},
    addresses: listed(status?.podIP, status?.podIPs),
    nodeAddresses: listed(status?.hostIP, status?.hostIPs),
    node: spec.nodeName,
    hostNetwork: spec.hostNetwork === true,
    ports: named.flatMap((port) =>
      port.name === undefined ? [] : [{ name: port.name, port: port.containerPort, protocol: port.protocol ?? "TCP" }],
    ),
    hostPorts: all.flatMap(({ hostPort, protocol }) =>
      hostPort === undefined || hostPort === 0 ? [] : [{ port: hostPort, protocol: protocol ?? "TCP" }],
    ),
    finished: status?.phase === "Succeeded" || status?.phase === "Failed",
    serviceAccount: spec.serviceAccountName ?? "default",
    ...(owner === undefined
      ? {}
      : { owner: { apiVersion: owner.apiVersion, kind: owner.kind, namespace, name: owner.name } }),
  };
}

function listed(
  one: string | undefined,
  many: readonly { readonly ip?: string | undefined }[] | undefined,
): readonly string[] {
  const all = many?.flatMap(({ ip }) => ip ?? []) ?? [];
  return all.length > 0 ? all : one === undefined || one === "" ? [] : [one];
}
