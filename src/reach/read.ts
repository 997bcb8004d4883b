import { z } from "zod";
import {
  type ResourceType,
  apiVersionOf,
  ingressType,
  namespaceType,
  networkPolicyType,
  podType,
  serviceType,
  truncateUtf8,
} from "../kube/index.ts";
import {
  type AdminPolicySpec,
  AdminNetworkPolicySpecSchema,
  BaselineAdminNetworkPolicySpecSchema,
  ClusterNetworkPolicySpecSchema,
  SubjectSchema,
} from "./admin-policy.ts";
import {
  GatewayRouteSchema,
  IngressSchema,
  ReferenceGrantSchema,
  ServiceSchema,
  gatewayRouteOf,
  ingressOf,
  referenceGrantOf,
  serviceOf,
} from "./exposing-objects.ts";
import { LabelSelector, NAMESPACE_NAME_LABEL } from "./labels.ts";
import { NetworkPolicySpecSchema } from "./network-policy.ts";
import { type ObjectRef, type ReachObject, type Unreadable, Meta, PodSchema, podOf } from "./objects.ts";
import { optional } from "./optional.ts";

/** A kind that has a say, and how its objects are read. */
export interface ReachType {
  readonly resource: ResourceType;
  /** Versions that newer or older releases of it are served as instead, of the same form. */
  readonly otherVersions?: readonly string[];
  /** Part of every cluster; the others only where somebody has installed them. */
  readonly builtin: boolean;
  readonly what: Unreadable["what"];
  readonly read: (raw: unknown, ref: ObjectRef) => ReachObject;
}

const Named = z.object({ metadata: Meta.omit({ labels: true }) });
const Labelled = z.object({ metadata: Meta });
const maxProblemBytes = 512;

/**
 * Reads one object of a kind. What does not parse is never left out: it comes back as Unreadable, and nothing that it could
 * touch is then claimed to be known. Undefined only without a name, which the API server never sends.
 */
export function readObject({ resource, what, read }: ReachType, raw: unknown): ReachObject | undefined {
  const meta = Named.safeParse(raw);
  if (!meta.success) return undefined;
  const { name, namespace } = meta.data.metadata;
  const ref: ObjectRef = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...(resource.namespaced && namespace !== undefined ? { namespace } : {}),
    name,
  };
  try {
    return read(raw, ref);
  } catch (error) {
    return { type: "Unreadable", ref, what, problem: problemOf(error), subject: subjectOf(resource, raw) };
  }
}

function problemOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return "it cannot be read";
  const [first] = error.issues;
  if (first === undefined) return "it cannot be read";
  const path = first.path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return truncateUtf8(`${path.replace(/^\./, "")}: ${first.message}`, maxProblemBytes);
}

/** Whom an unreadable policy is about can often be read all the same. */
function subjectOf({ kind }: ResourceType, raw: unknown): Unreadable["subject"] {
  if (kind === "NetworkPolicy") {
    const parsed = z.object({ spec: z.object({ podSelector: LabelSelector }) }).safeParse(raw);
    return parsed.success ? { pods: parsed.data.spec.podSelector } : undefined;
  }
  const parsed = z.object({ spec: z.object({ subject: SubjectSchema }) }).safeParse(raw);
  return parsed.success ? parsed.data.spec.subject : undefined;
}

/** As the collection was asked for: lists do not repeat it in their items. */
function withType(raw: unknown, { apiVersion, kind }: ObjectRef): unknown {
  return { ...(raw as object), apiVersion, kind };
}

function inNamespace(ref: ObjectRef): ObjectRef & { readonly namespace: string } {
  return { ...ref, namespace: z.string().parse(ref.namespace) };
}

function typeOf(group: string, version: string, kind: string, options: { plural?: string; namespaced?: boolean } = {}) {
  const { plural = `${kind.toLowerCase()}s`, namespaced = true } = options;
  return { group, version, kind, plural, namespaced };
}

function admin(resource: ResourceType, spec: z.ZodType<AdminPolicySpec>): ReachType {
  const schema = z.object({ metadata: Meta, spec });
  return {
    resource,
    builtin: false,
    what: "Policy",
    read: (raw, ref) => {
      const { metadata, spec } = schema.parse(raw);
      return { type: "AdminPolicy", ref, labels: metadata.labels ?? {}, ...spec };
    },
  };
}

function exposing(resource: ResourceType, builtin: boolean, read: ReachType["read"]): ReachType {
  return { resource, builtin, what: "Exposure", read };
}

/** Kinds of network plugins: they can widen and narrow, in ways that are not looked into here. */
function foreign(resource: ResourceType): ReachType {
  return {
    resource,
    builtin: false,
    what: "Policy",
    read: (_, ref) => ({
      type: "Unreadable",
      ref,
      what: "Policy",
      problem: `what a ${ref.kind} of ${ref.apiVersion} does is not looked into`,
    }),
  };
}

const policyGroup = "policy.networking.k8s.io";
const gatewayGroup = "gateway.networking.k8s.io";
const clusterPolicies = { plural: "", namespaced: false };
const clusterPolicy = (kind: string, version: string, plural: string) =>
  typeOf(policyGroup, version, kind, { ...clusterPolicies, plural });
const networkPolicySchema = z.object({ metadata: Meta, spec: optional(NetworkPolicySpecSchema) });
const emptySpec = NetworkPolicySpecSchema.parse({});

const route = (kind: string, version: string, ...otherVersions: readonly string[]): ReachType => ({
  ...exposing(typeOf(gatewayGroup, version, kind), false, (raw, ref) =>
    gatewayRouteOf(GatewayRouteSchema.parse(withType(raw, ref))),
  ),
  otherVersions,
});

/** Every kind that has a say in who reaches whom, or is reported because it may have. */
export const reachTypes: readonly ReachType[] = [
  {
    resource: namespaceType,
    builtin: true,
    what: "Policy",
    // The API server sets this label on every namespace, whoever leaves it out or writes another value.
    read: (raw, ref) => ({
      type: "Namespace",
      ref,
      labels: { ...Labelled.parse(raw).metadata.labels, [NAMESPACE_NAME_LABEL]: ref.name },
    }),
  },
  { resource: podType, builtin: true, what: "Pod", read: (raw) => podOf(PodSchema.parse(raw)) },
  {
    resource: networkPolicyType,
    builtin: true,
    what: "Policy",
    read: (raw, ref) => {
      const { metadata, spec } = networkPolicySchema.parse(raw);
      return { type: "NetworkPolicy", ref: inNamespace(ref), labels: metadata.labels ?? {}, ...(spec ?? emptySpec) };
    },
  },
  exposing(serviceType, true, (raw) => serviceOf(ServiceSchema.parse(raw))),
  exposing(ingressType, true, (raw) => ingressOf(IngressSchema.parse(raw))),
  admin(clusterPolicy("AdminNetworkPolicy", "v1alpha1", "adminnetworkpolicies"), AdminNetworkPolicySpecSchema),
  admin(
    clusterPolicy("BaselineAdminNetworkPolicy", "v1alpha1", "baselineadminnetworkpolicies"),
    BaselineAdminNetworkPolicySpecSchema,
  ),
  admin(clusterPolicy("ClusterNetworkPolicy", "v1alpha2", "clusternetworkpolicies"), ClusterNetworkPolicySpecSchema),
  route("HTTPRoute", "v1"),
  route("GRPCRoute", "v1"),
  // Of Gateway API v1.6 on as v1 only.
  route("TLSRoute", "v1", "v1alpha2"),
  route("TCPRoute", "v1", "v1alpha2"),
  route("UDPRoute", "v1", "v1alpha2"),
  exposing(typeOf(gatewayGroup, "v1beta1", "ReferenceGrant"), false, (raw, ref) =>
    referenceGrantOf(ReferenceGrantSchema.parse(withType(raw, ref))),
  ),
  foreign(typeOf("crd.projectcalico.org", "v1", "NetworkPolicy", { plural: "networkpolicies" })),
  foreign(
    typeOf("crd.projectcalico.org", "v1", "GlobalNetworkPolicy", {
      plural: "globalnetworkpolicies",
      namespaced: false,
    }),
  ),
  foreign(typeOf("cilium.io", "v2", "CiliumNetworkPolicy", { plural: "ciliumnetworkpolicies" })),
  foreign(
    typeOf("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", {
      plural: "ciliumclusterwidenetworkpolicies",
      namespaced: false,
    }),
  ),
];
