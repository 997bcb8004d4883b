/**
 * Sets of traffic of a namespace's pods, and what can be proven of them without enumerating anything: a "yes" is certain
 * whatever pods, labels and addresses there will be; a "no" only says that it could not be proven.
 */
import { areDisjointRanges, containsRanges, isWholeSpace, union } from "./addresses.ts";
import type { AdminPeer } from "./admin-policy.ts";
import {
  type Labels,
  type Selector,
  NAMESPACE_NAME_LABEL,
  areDisjoint,
  contains,
  isContradiction,
  labelled,
  matches,
} from "./labels.ts";
import type { Direction, NetworkPolicySpec, Peer, Rule } from "./network-policy.ts";
import { type PortMatch, type Ports, areDisjointPorts, containsPort } from "./ports.ts";

/** The pods whose traffic it is: all that a selector may ever select, or one that is there. */
export type Subjects = { readonly selector: Selector } | { readonly labels: Labels };

/** One peer on one port. Undefined is everybody, and every port. */
export interface Atom {
  readonly peer: Peer | AdminPeer | undefined;
  readonly port: PortMatch | undefined;
}

/** What a rule is made of. */
export function atomsOf({
  peers,
  ports,
}: {
  readonly peers: Rule["peers"] | readonly AdminPeer[];
  readonly ports: Ports;
}): readonly Atom[] {
  return (peers ?? [undefined]).flatMap((peer) => (ports ?? [undefined]).map((port) => ({ peer, port })));
}

export function areWithin(subjects: Subjects, selector: Selector): boolean {
  return "labels" in subjects ? matches(selector, subjects.labels) : contains(selector, subjects.selector);
}

export function areApart(subjects: Subjects, selector: Selector): boolean {
  return "labels" in subjects ? !matches(selector, subjects.labels) : areDisjoint(selector, subjects.selector);
}

/** Whether a peer can be nobody at all. */
export function isNobody(peer: Atom["peer"], own: string): boolean {
  if (peer === undefined) return false;
  if (peer.kind === "Pods") return isContradiction(peer.pods) || isContradiction(namespacesOf(peer, own));
  return (peer.kind === "Block" || peer.kind === "Networks") && peer.ranges.length === 0;
}

/**
 * Whether the policies allow all of the atom for all of the subjects. Rules that stand side by side are put together: the
 * ports of those that each cover the peer, and the address ranges of those that each cover the port.
 */
export function isAllowed(
  policies: readonly NetworkPolicySpec[],
  direction: Direction,
  { subjects, own }: { readonly subjects: Subjects; readonly own: string },
  { peer, port }: Atom,
): boolean {
  const rules = policies
    .filter(({ selector }) => areWithin(subjects, selector))
    .flatMap((policy) => policy.rules[direction] ?? []);
  const forPeer = rules.filter(({ peers }) => peers === undefined || peers.some((one) => containsPeer(one, peer, own)));
  if (forPeer.some(({ ports }) => ports === undefined)) return true;
  if (
    forPeer.length > 0 &&
    containsPort(
      forPeer.flatMap(({ ports }) => ports ?? []),
      port,
    )
  )
    return true;
  if (peer === undefined || (peer.kind !== "Block" && peer.kind !== "Networks")) return false;
  const blocks = rules
    .filter(({ ports }) => containsPort(ports, port))
    .flatMap(({ peers }) => peers ?? [])
    .flatMap((one) => (one.kind === "Block" ? [one.ranges] : []));
  return containsRanges(union(...blocks), peer.ranges);
}

/** `own` is the namespace of the policies that leave out the namespaces of their peers. */
export function containsPeer(outer: Peer | AdminPeer, inner: Atom["peer"], own: string): boolean {
  // Administrators' networks are looked at for traffic inside the cluster as well.
  if (outer.kind === "Networks" && isWholeSpace(outer.ranges)) return true;
  if (inner === undefined) return false;
  switch (outer.kind) {
    case "Pods":
      return (
        inner.kind === "Pods" &&
        contains(outer.pods, inner.pods) &&
        contains(namespacesOf(outer, own), namespacesOf(inner, own))
      );
    case "Block":
    case "Networks":
      return (inner.kind === "Block" || inner.kind === "Networks") && containsRanges(outer.ranges, inner.ranges);
    case "Nodes":
      return inner.kind === "Nodes" && contains(outer.nodes, inner.nodes);
    case "Domains":
      return inner.kind === "Domains" && inner.domains.every((domain) => outer.domains.includes(domain));
  }
}

function arePeersDisjoint(a: AdminPeer, b: Atom["peer"], own: string): boolean {
  if (b === undefined) return false;
  if (a.kind === "Pods" && b.kind === "Pods")
    return areDisjoint(a.pods, b.pods) || areDisjoint(a.namespaces, namespacesOf(b, own));
  if (a.kind === "Networks" && (b.kind === "Block" || b.kind === "Networks"))
    return areDisjointRanges(a.ranges, b.ranges);
  return false;
}

/** Whether a rule of an administrator matches all of the atom. */
export function coversAtom(
  { peers, ports }: { readonly peers: readonly AdminPeer[]; readonly ports: Ports },
  atom: Atom,
  own: string,
): boolean {
  return containsPort(ports, atom.port) && peers.some((one) => containsPeer(one, atom.peer, own));
}

/** Whether a rule of an administrator matches nothing of the atom. */
export function missesAtom(
  { peers, ports }: { readonly peers: readonly AdminPeer[]; readonly ports: Ports },
  atom: Atom,
  own: string,
): boolean {
  return areDisjointPorts(ports, atom.port) || peers.every((one) => arePeersDisjoint(one, atom.peer, own));
}

function namespacesOf({ namespaces }: { readonly namespaces?: Selector | undefined }, own: string): Selector {
  return namespaces ?? labelled(NAMESPACE_NAME_LABEL, own);
}
