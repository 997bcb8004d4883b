/** What the facts mean. Pure: each check has three outcomes, and no data is never good data. */
import { API_VERSION, GROUP, kinds, VERSION } from "../../api/index.ts";
import type { Answer } from "../ask.ts";
import type { Facts, NodeFacts, Version } from "./facts.ts";

export type Outcome = "ok" | "lacking" | "unknown";

export interface Check {
  readonly name: string;
  readonly outcome: Outcome;
  readonly message: string;
  readonly remedy?: string;
  /** The operator runs without it; its guarantees may not all hold. It does not count. */
  readonly advisory?: true;
}

/** Without nodes, what only pods need is left out: a control plane alone takes objects, and refuses them. */
export function decide(answer: Answer<Facts>, { nodes = true } = {}): readonly Check[] {
  // The same failure in every other line would help nobody.
  if (answer.state !== "known")
    return [unanswered("API server", answer, "check KUBECONFIG, and that this machine reaches the address above")];
  const facts = answer.value;
  return [
    apiServer(facts.version),
    imageVolumes(facts.version, facts.imageVolumeGate),
    admissionPolicies(facts.admissionKinds),
    definitions(facts.definitions),
    rights(facts.rights),
    ...(nodes ? [runtime(facts.nodes), dns(facts.dns), networkPolicies(facts.definitions, facts.daemonSets)] : []),
  ];
}

/** 0: nothing lacks. 1: something does. 3: something cannot be told, which is not the same as being there. */
export function exitStatus(checks: readonly Check[]): 0 | 1 | 3 {
  const counted = checks.filter((check) => check.advisory !== true);
  if (counted.some((check) => check.outcome === "lacking")) return 1;
  return counted.some((check) => check.outcome === "unknown") ? 3 : 0;
}

const oldest = { major: 1, minor: 33 };

/** From 1.35 on; from 1.33 on there is a feature gate to turn on. */
export function imageVolumesByDefault(version: Version): boolean {
  return atLeast(version, { major: 1, minor: 35 });
}

function apiServer(version: Version): Check {
  const name = "API server";
  if (atLeast(version, oldest)) return { name, outcome: "ok", message: version.name };
  return lacking(name, `${version.name} is older than 1.33`, "upgrade the cluster to Kubernetes 1.35 or newer");
}

function imageVolumes(version: Version, gate: Facts["imageVolumeGate"]): Check {
  const name = "image volumes";
  const remedy = "turn the feature gate ImageVolume on in the API server and in every kubelet, or upgrade to 1.35";
  if (!atLeast(version, oldest)) return lacking(name, "need Kubernetes 1.33 or newer", "see API server");
  if (imageVolumesByDefault(version)) return { name, outcome: "ok", message: "on by default from 1.35 on" };
  if (gate.state !== "known") return unanswered(name, gate, remedy);
  return gate.value
    ? { name, outcome: "ok", message: "the API server has the feature gate ImageVolume on; the kubelets need it too" }
    : lacking(name, "the feature gate ImageVolume is off, as by default before 1.35", remedy);
}

function admissionPolicies(served: Facts["admissionKinds"]): Check {
  const name = "admission policies";
  const remedy = "the API server must serve admissionregistration.k8s.io/v1, as it does unless that is turned off";
  if (served.state === "unknown") return unanswered(name, served, remedy);
  const wanted = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
  const missing = wanted.filter((kind) => served.state === "absent" || !served.value.includes(kind));
  if (missing.length > 0) return lacking(name, `${missing.join(" and ")} v1 not served`, remedy);
  return { name, outcome: "ok", message: "ValidatingAdmissionPolicy v1 is served" };
}

function definitions(found: Facts["definitions"]): Check {
  const name = "kinds";
  const remedy = "kubectl apply --server-side -f crds/";
  if (found.state !== "known") return unanswered(name, found, "ask for the right to list customresourcedefinitions");
  const ours = found.value.filter(({ group }) => group === GROUP);
  if (ours.length === 0) return { name, outcome: "ok", message: `none of ${GROUP} yet: the operator is not installed` };
  const missing = kinds
    .map((kind) => kind.resource.plural)
    .filter((plural) => !ours.some((one) => one.plural === plural && one.served.includes(VERSION)));
  if (missing.length > 0) return lacking(name, `not served at ${API_VERSION}: ${missing.join(", ")}`, remedy);
  return { name, outcome: "ok", message: `all ${kinds.length} are served at ${API_VERSION}` };
}

function rights(asked: Facts["rights"]): Check {
  const name = "rights to install";
  const remedy = "install as a user with the ClusterRole cluster-admin";
  const denied = asked.filter(({ allowed }) => allowed.state === "known" && !allowed.value);
  if (denied.length > 0) return lacking(name, `you cannot ${denied.map((right) => right.name).join(", ")}`, remedy);
  const unsure = asked.map(({ allowed }) => allowed).find(({ state }) => state !== "known");
  if (asked.length === 0) return { name, outcome: "unknown", message: "nothing was asked", remedy };
  if (unsure !== undefined) return unanswered(name, unsure, remedy);
  return { name, outcome: "ok", message: `you can do all ${asked.length} things that installing does` };
}

function runtime(found: Facts["nodes"]): Check {
  const name = "container runtime";
  const remedy = "image volumes need a Ready node with containerd 2.1, CRI-O 1.33, or newer";
  if (found.state !== "known") return unanswered(name, found, "ask for the right to list nodes");
  const ready = found.value.filter((node) => node.ready);
  if (ready.length === 0) return lacking(name, `none of ${found.value.length} node(s) is Ready`, remedy);
  const named = (nodes: readonly NodeFacts[]) => nodes.map((node) => `${node.name} (${node.runtime})`).join(", ");
  const fit = ready.filter((node) => mountsImages(node.runtime) === "yes");
  const unfit = ready.filter((node) => mountsImages(node.runtime) !== "yes");
  if (fit.length > 0) {
    const others = unfit.length === 0 ? "" : `; keep models off ${named(unfit)}`;
    return { name, outcome: "ok", message: `${named(fit)}${others}` };
  }
  if (unfit.some((node) => mountsImages(node.runtime) === "unknown"))
    return { name, outcome: "unknown", message: `no version is known of ${named(unfit)}`, remedy };
  return lacking(name, `no image volumes on ${named(unfit)}`, remedy);
}

function mountsImages(runtime: string): "yes" | "no" | "unknown" {
  const oldestOf = { containerd: { major: 2, minor: 1 }, "cri-o": { major: 1, minor: 33 } };
  const [engine = ""] = runtime.split("://");
  if (engine !== "containerd" && engine !== "cri-o") return "no";
  const version = /:\/\/v?(\d+)\.(\d+)/.exec(runtime);
  if (version === null) return "unknown";
  return atLeast({ major: Number(version[1]), minor: Number(version[2]) }, oldestOf[engine]) ? "yes" : "no";
}

function dns(found: Facts["dns"]): Check {
  const name = "cluster DNS";
  const remedy = "install CoreDNS; pods find the registry and each other by name";
  if (found.state !== "known") return unanswered(name, found, "ask for the right to read Services in kube-system");
  const { services, readyEndpoints } = found.value;
  if (services.length === 0)
    return { name, outcome: "unknown", message: "no Service in kube-system has the label k8s-app=kube-dns", remedy };
  if (readyEndpoints === 0) return lacking(name, `Service ${services.join(", ")} has no ready endpoint`, remedy);
  return { name, outcome: "ok", message: `Service ${services.join(", ")}, ${readyEndpoints} ready endpoint(s)` };
}

/** Who enforces NetworkPolicies, by the kinds or the DaemonSet it brings. There is no API that says so. */
const enforcers: readonly (readonly [string, RegExp])[] = [
  ["Calico", /^(crd\.projectcalico\.org|calico-node|canal)$/],
  ["Cilium", /^cilium(\.io)?$/],
  ["Antrea", /^(crd\.antrea\.io|antrea-agent)$/],
  ["OVN-Kubernetes", /^k8s\.ovn\.org$/],
  ["kube-router", /^kube-router$/],
  ["kindnet", /^kindnet$/],
];

function networkPolicies(defined: Facts["definitions"], daemonSets: Facts["daemonSets"]): Check {
  const name = "network policies";
  const signs = [
    ...(defined.state === "known" ? defined.value.map(({ group }) => group) : []),
    ...(daemonSets.state === "known" ? daemonSets.value : []),
  ];
  const found = enforcers.find(([, pattern]) => signs.some((sign) => pattern.test(sign)));
  if (found !== undefined) return { name, outcome: "ok", message: `${found[0]} is there`, advisory: true };
  return {
    name,
    outcome: "unknown",
    message: "no network known to enforce NetworkPolicy was recognised",
    remedy: "try it: a pod under a policy that denies all egress must not reach another",
    advisory: true,
  };
}

function lacking(name: string, message: string, remedy: string): Check {
  return { name, outcome: "lacking", message, remedy };
}

function unanswered(name: string, answer: Answer<unknown>, remedy: string): Check {
  const message = answer.state === "unknown" ? answer.reason : "the API server does not say";
  return { name, outcome: "unknown", message, remedy };
}

type Release = Pick<Version, "major" | "minor">;

function atLeast(version: Release, wanted: Release): boolean {
  return version.major === wanted.major ? version.minor >= wanted.minor : version.major > wanted.major;
}
