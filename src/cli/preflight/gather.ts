/** Asks the cluster that KUBECONFIG names. Reads only: a SelfSubjectAccessReview is answered and not kept. */
import { GenericKind, K8s, kind } from "kubernetes-fluent-client";
import { z } from "zod";
import { type Answer, ask, known } from "../ask.ts";
import { imageVolumesByDefault } from "./decide.ts";
import type { Facts, Right, Version } from "./facts.ts";

/** The facts, or why there are none: a cluster that does not give its version is asked nothing else. */
export async function gather(): Promise<Answer<Facts>> {
  const answer = await ask(readVersion);
  if (answer.state !== "known") return answer;
  const version = answer.value;
  const [imageVolumeGate, admissionKinds, definitions, rights, nodes, dns, daemonSets] = await Promise.all([
    imageVolumesByDefault(version) ? known(true) : readImageVolumeGate(),
    ask(readAdmissionKinds),
    ask(readDefinitions),
    readRights(),
    ask(readNodes),
    ask(readDns),
    ask(readDaemonSets),
  ]);
  return known({ version, imageVolumeGate, admissionKinds, definitions, rights, nodes, dns, daemonSets });
}

/** A path that belongs to no kind. */
function raw(path: string): Promise<unknown> {
  return K8s(GenericKind).Raw(path);
}

// Providers write "35+".
const VersionAnswer = z.object({ major: z.string(), minor: z.string(), gitVersion: z.string() });

async function readVersion(): Promise<Version> {
  const { major, minor, gitVersion } = VersionAnswer.parse(await raw("/version"));
  return { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), name: gitVersion };
}

async function readImageVolumeGate(): Promise<Answer<boolean>> {
  const metrics = await ask(() => raw("/metrics"));
  if (metrics.state !== "known") return metrics;
  const line = /^kubernetes_feature_enabled\{name="ImageVolume"[^}]*\} ([01])$/m.exec(String(metrics.value));
  return line === null ? { state: "absent" } : known(line[1] === "1");
}

const ResourceList = z.object({ resources: z.array(z.object({ kind: z.string() })) });

async function readAdmissionKinds() {
  const { resources } = ResourceList.parse(await raw("/apis/admissionregistration.k8s.io/v1"));
  return resources.map((resource) => resource.kind);
}

async function readDefinitions() {
  const { items } = await K8s(kind.CustomResourceDefinition).Get();
  return items.map(({ spec }) => ({
    plural: spec.names.plural,
    group: spec.group,
    served: spec.versions.filter((version) => version.served).map((version) => version.name),
  }));
}

/** What the chart writes, and Helm's own record of it. */
const written: readonly (readonly [group: string, plural: string])[] = [
  ["", "namespaces"],
  ["", "secrets"],
  ["", "serviceaccounts"],
  ["apps", "deployments"],
  ["policy", "poddisruptionbudgets"],
  ["apiextensions.k8s.io", "customresourcedefinitions"],
  ["rbac.authorization.k8s.io", "clusterroles"],
  ["rbac.authorization.k8s.io", "clusterrolebindings"],
  ["rbac.authorization.k8s.io", "roles"],
  ["rbac.authorization.k8s.io", "rolebindings"],
  ["admissionregistration.k8s.io", "validatingadmissionpolicies"],
  ["admissionregistration.k8s.io", "validatingadmissionpolicybindings"],
];

function readRights(): Promise<Right[]> {
  const asked = written.flatMap(([group, resource]) =>
    ["create", "patch"].map(async (verb) => {
      const spec = { resourceAttributes: { verb, group, resource } };
      const allowed = await ask(async () => {
        const review = await K8s(kind.SelfSubjectAccessReview).Create({ spec });
        return review.status?.allowed === true;
      });
      return { name: `${verb} ${group === "" ? resource : `${resource}.${group}`}`, allowed };
    }),
  );
  return Promise.all(asked);
}

async function readNodes() {
  const { items } = await K8s(kind.Node).Get();
  return items.map(({ metadata, status }) => ({
    name: metadata?.name ?? "",
    ready: status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    runtime: status?.nodeInfo?.containerRuntimeVersion ?? "",
  }));
}

async function readDns() {
  const found = await K8s(kind.Service).InNamespace("kube-system").WithLabel("k8s-app", "kube-dns").Get();
  const services = found.items.flatMap(({ metadata }) => metadata?.name ?? []);
  let readyEndpoints = 0;
  for (const service of services) {
    const slices = await K8s(kind.EndpointSlice)
      .InNamespace("kube-system")
      .WithLabel("kubernetes.io/service-name", service)
      .Get();
    readyEndpoints += slices.items.reduce((sum, slice) => sum + countReady(slice), 0);
  }
  return { services, readyEndpoints };
}

// The API server writes null for no endpoints, which the client's type does not know.
const Slice = z.object({
  endpoints: z.array(z.object({ conditions: z.object({ ready: z.boolean().nullish() }).nullish() })).nullish(),
});

export function countReady(slice: unknown): number {
  // Unset means ready.
  return (Slice.parse(slice).endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
}

async function readDaemonSets() {
  const { items } = await K8s(kind.DaemonSet).InNamespace("kube-system").Get();
  return items.flatMap(({ metadata }) => metadata?.name ?? []);
}
