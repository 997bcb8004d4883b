/** Policies that allow more than is declared, and pods that no policy isolates. */
import { type Breach, breach } from "./breach.ts";
import type { Declaration } from "./declaration.ts";
import { type Selector, everything, isContradiction, matches } from "./labels.ts";
import type { Direction } from "./network-policy.ts";
import type { AdminPolicy, NetworkPolicy, ObjectRef, Pod } from "./objects.ts";
import { portText } from "./ports.ts";
import { type Atom, type Subjects, atomsOf, isAllowed, isNobody } from "./region.ts";
import { type Shielding, isShut, isShutBefore } from "./shield.ts";
import { peerText } from "./text.ts";
import type { NamespaceView } from "./world.ts";

/** A policy with more combinations of peers and ports than this is reported without a look at each: time is bounded. */
const maxAtoms = 2_048;
/** Likewise for pods that all have other labels: once that many looks have been taken, the rest count as affected. */
const maxLooks = 100_000;

/** One namespace, one direction. */
interface Scope {
  readonly view: NamespaceView;
  readonly direction: Direction;
  /** Those that policies apply to. */
  readonly pods: readonly Pod[];
  readonly shielding: Shielding;
  readonly isDeclared: (subjects: Subjects, atom: Atom) => boolean;
}

const everybody: Atom = { peer: undefined, port: undefined };

export function wideningOf(view: NamespaceView, { policies }: Declaration): readonly Breach[] {
  const pods = view.pods.filter(({ finished, hostNetwork }) => !finished && !hostNetwork);
  return (["Ingress", "Egress"] as const).flatMap((direction) => {
    const isDeclared = (subjects: Subjects, atom: Atom): boolean =>
      isAllowed(policies, direction, { subjects, own: view.name }, atom);
    const shielding: Shielding = {
      policies: view.adminPolicies,
      labels: view.namespace?.labels,
      namespace: view.name,
      direction,
      isDeclared,
    };
    const scope: Scope = { view, direction, pods, shielding, isDeclared };
    return [
      ...view.policies.flatMap((policy) => byPolicy(policy, scope)),
      ...view.adminPolicies.flatMap((policy) => byAdminPolicy(policy, scope)),
      ...unselected(scope),
    ];
  });
}

function byPolicy({ ref, selector, rules }: NetworkPolicy, scope: Scope): readonly Breach[] {
  const atoms = (rules[scope.direction] ?? []).flatMap(atomsOf);
  return widened(scope, { object: ref, selector, atoms }, (subjects, atom) =>
    isShut(scope.shielding, { subjects, atom }),
  );
}

/** Only the tier Admin overrides NetworkPolicies. */
function byAdminPolicy(policy: AdminPolicy, scope: Scope): readonly Breach[] {
  const { ref, tier, subject, rules } = policy;
  const labels = scope.view.namespace?.labels;
  if (tier !== "Admin" || (labels !== undefined && !matches(subject.namespaces, labels))) return [];
  const allowing = rules[scope.direction].flatMap((rule, index) =>
    rule.action === "Allow" ? atomsOf(rule).map((atom) => ({ ...atom, rule: index })) : [],
  );
  return widened(scope, { object: ref, selector: subject.pods, atoms: allowing }, (subjects, { rule, ...atom }) =>
    isShutBefore(scope.shielding, { policy, rule }, { subjects, atom }),
  );
}

interface Allowing<A extends Atom> {
  readonly object: ObjectRef;
  readonly selector: Selector;
  readonly atoms: readonly A[];
}

function widened<A extends Atom>(
  { view, direction, pods, isDeclared }: Scope,
  { object, selector, atoms }: Allowing<A>,
  isDenied: (subjects: Subjects, atom: A) => boolean,
): readonly Breach[] {
  if (isContradiction(selector)) return [];
  const selected = pods.filter(({ labels }) => matches(selector, labels));
  const real = atoms.filter(({ peer }) => !isNobody(peer, view.name));
  if (real.length > maxAtoms) {
    const allows = `${real.length} combinations of peers and ports: more than ${maxAtoms} are not compared; split the policy`;
    return [breach("PolicyWidens", direction, { object, allows, pods: selected })];
  }
  const isBeyond = (subjects: Subjects, atom: A): boolean => !isDeclared(subjects, atom) && !isDenied(subjects, atom);
  const beyond = real.filter((atom) => isBeyond({ selector }, atom));
  if (beyond.length === 0) return [];
  // What holds for all pods that there may be can be too strict for those that there are.
  const affected = byLabels(selected, maxLooks / beyond.length, (labels) =>
    beyond.some((atom) => isBeyond({ labels }, atom)),
  );
  return [breach("PolicyWidens", direction, { object, allows: allowsText(direction, beyond), pods: affected })];
}

/** Without any policy that selects it, a pod is open. */
function unselected({ view, direction, pods, shielding, isDeclared }: Scope): readonly Breach[] {
  const selectors = view.policies.filter(({ rules }) => rules[direction] !== undefined).map(({ selector }) => selector);
  if (selectors.some((selector) => selector.size === 0)) return [];
  const isOpen = (subjects: Subjects): boolean =>
    !isDeclared(subjects, everybody) && !isShut(shielding, { subjects, atom: everybody, baseline: true });
  if (!isOpen({ selector: everything })) return [];
  const free = pods.filter(({ labels }) => !selectors.some((selector) => matches(selector, labels)));
  const object = { apiVersion: "v1", kind: "Namespace", name: view.name };
  const allows = `${allowsText(direction, [everybody])}: no NetworkPolicy selects every pod for ${direction.toLowerCase()}`;
  return [
    breach("UnselectedPod", direction, {
      object,
      allows,
      pods: byLabels(free, maxLooks, (labels) => isOpen({ labels })),
    }),
  ];
}

/** Replicas share their labels: each set of labels is looked at once. */
function byLabels(pods: readonly Pod[], maxSets: number, holds: (labels: Pod["labels"]) => boolean): readonly Pod[] {
  const known = new Map<string, boolean>();
  return pods.filter(({ labels }) => {
    const key = JSON.stringify(Object.entries(labels).sort());
    const answer = known.get(key) ?? (known.size >= maxSets || holds(labels));
    if (known.size < maxSets) known.set(key, answer);
    return answer;
  });
}

function allowsText(direction: Direction, atoms: readonly Atom[]): string {
  const [first = everybody] = atoms;
  const more = atoms.length > 1 ? `, and ${atoms.length - 1} more` : "";
  return `${direction === "Ingress" ? "ingress from" : "egress to"} ${peerText(first.peer)} on ${portText(first.port)}${more}`;
}
