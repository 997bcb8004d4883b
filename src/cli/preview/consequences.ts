/** What Enforce would cut or refuse beside images, and what would open the namespace all the same. Pure. */
import { SecureNamespaceSpec } from "../../api/index.ts";
import { type ConsumingPod, declarationOf, networkWalls, quotaOf, quotaProblem } from "../../isolation/index.ts";
import { type ReachIndex, excess } from "../../reach/index.ts";
import type { Answer } from "../ask.ts";
import { isFinished } from "../pod.ts";
import type { Runnable } from "./gather.ts";
import { podSecurityProblems } from "./pod-security.ts";
import type { PreviewConsequence } from "./schema.ts";

export interface Surroundings {
  readonly world: ReachIndex;
  /** Names of hosts are enforced by the cluster's network. */
  readonly enforcesNames: boolean;
  /** Names of all SecureNamespaces. */
  readonly secured: Answer<readonly string[]>;
}

export interface ConsequencesOf {
  readonly namespace: string;
  readonly spec: SecureNamespaceSpec;
  readonly runnables: readonly Runnable[];
}

const dns = { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } };

/** As a namespace is that says nothing of its own. */
export function defaultSpec(profile: SecureNamespaceSpec["profile"]): SecureNamespaceSpec {
  return SecureNamespaceSpec.parse({ profile, enforcement: "Enforce" });
}

export function consequencesOf(
  { namespace, spec, runnables }: ConsequencesOf,
  around: Surroundings | undefined,
): readonly PreviewConsequence[] {
  return [
    ...runnables.flatMap((one) => refusedByPodSecurity(one, spec.podSecurity)),
    ...runnables.flatMap(tokenOf),
    ...overQuota(spec, runnables),
    ...(around === undefined ? [] : [...walled(namespace, spec, around), ...traffic(namespace, spec, around)]),
  ];
}

function refusedByPodSecurity(
  { kind, metadata, spec }: Runnable,
  level: SecureNamespaceSpec["podSecurity"],
): readonly PreviewConsequence[] {
  const problems = podSecurityProblems(spec, level);
  if (problems.length === 0) return [];
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : "";
  const message = `Pod Security ${level} refuses it: ${problems.slice(0, 3).join("; ")}${more}`;
  return [{ what: "PodSecurity", object: `${kind}/${metadata.name}`, message }];
}

/** No ServiceAccount of a secured namespace has its token mounted: who needs the API server loses it. */
function tokenOf({ kind, metadata, spec, pod }: Runnable): readonly PreviewConsequence[] {
  const { volumes } = spec as { readonly volumes?: unknown };
  const isMounted = pod !== undefined && JSON.stringify(volumes ?? []).includes('"serviceAccountToken"');
  if (!isMounted) return [];
  const message = "it has the token of its ServiceAccount mounted; pods that come after it will not";
  return [{ what: "Token", object: `${kind}/${metadata.name}`, message }];
}

function overQuota(spec: SecureNamespaceSpec, runnables: readonly Runnable[]): readonly PreviewConsequence[] {
  const pods = runnables.flatMap(({ pod }): readonly ConsumingPod[] =>
    pod === undefined || isFinished(pod) ? [] : [{ metadata: { name: pod.metadata.name }, spec: pod.spec }],
  );
  const problem = quotaProblem(quotaOf(spec), undefined, pods);
  return problem === undefined ? [] : [{ what: "Quota", object: "spec.quota", message: problem.message }];
}

function optionsOf({ enforcesNames, secured }: Surroundings) {
  return {
    dns,
    served: { names: enforcesNames, admin: undefined },
    // What could not be listed is not said to be missing.
    isSecured: (name: string) => secured.state !== "known" || secured.value.includes(name),
  };
}

function walled(namespace: string, spec: SecureNamespaceSpec, around: Surroundings): readonly PreviewConsequence[] {
  const { problems } = networkWalls(namespace, spec, optionsOf(around));
  return problems.map(({ reason, message }) => ({ what: "Network", object: reason, message }));
}

/** What is open now and would be cut, and what would go on letting in or out more than is declared. */
function traffic(namespace: string, spec: SecureNamespaceSpec, around: Surroundings): readonly PreviewConsequence[] {
  const { world } = around;
  const declaration = declarationOf(namespace, spec, optionsOf(around));
  return excess(world.view(namespace), declaration).breaches.map(({ reason, object, direction, allows, pods }) => {
    const affected = pods.count === 0 ? "" : ` (${pods.count} pods, for example ${pods.examples[0] ?? ""})`;
    if (reason === "UnselectedPod") {
      const message = `open for ${direction.toLowerCase()} now; only what spec.network declares stays${affected}`;
      return { what: "Cut", object: `Namespace/${namespace}`, message };
    }
    const name = object.namespace === namespace ? object.name : `${object.namespace ?? ""}/${object.name}`;
    return { what: "Breach", object: `${object.kind}/${name}`, message: `${reason}: ${allows}${affected}` };
  });
}
