import { type Address, includes } from "./addresses.ts";
import type { AdminPeer, Subject } from "./admin-policy.ts";
import { type Selector, NAMESPACE_NAME_LABEL, areDisjoint, contains, labelled, matches } from "./labels.ts";
import type { Peer } from "./network-policy.ts";
import type { Pod } from "./objects.ts";
import type { World } from "./world.ts";

/** Maybe: it depends on something that is not known, such as the address of a pod that does not run yet. */
export type Match = "Yes" | "No" | "Maybe";

/** One end of one connection. */
export interface End {
  /** A pod with a network of its own. Absent: an address, which may be that of a node. */
  readonly pod?: Pod | undefined;
  /** Undefined: not known yet. */
  readonly address: Address | undefined;
  /** For people. */
  readonly text: string;
}

export function matchPeer(peer: Peer, own: string, end: End, world: World): Match {
  if (peer.kind === "Block") return end.address === undefined ? "Maybe" : yesIf(includes(peer.ranges, end.address));
  const { pod } = end;
  if (pod === undefined || !matches(peer.pods, pod.labels)) return "No";
  const { namespace } = pod.ref;
  return peer.namespaces === undefined ? yesIf(namespace === own) : matchNamespace(peer.namespaces, namespace, world);
}

export function matchAdminPeer(peer: AdminPeer, end: End, world: World): Match {
  switch (peer.kind) {
    case "Pods":
      return matchSubject(peer, end.pod, world);
    case "Networks":
      return end.address === undefined ? "Maybe" : yesIf(includes(peer.ranges, end.address));
    case "Nodes":
    case "Domains":
      // Neither the addresses of all nodes nor the answers of DNS are known here.
      return end.pod === undefined ? "Maybe" : "No";
  }
}

export function matchSubject({ namespaces, pods }: Subject, pod: Pod | undefined, world: World): Match {
  if (pod === undefined || !matches(pods, pod.labels)) return "No";
  return matchNamespace(namespaces, pod.ref.namespace, world);
}

function matchNamespace(selector: Selector, name: string, world: World): Match {
  const labels = world.view(name).namespace?.labels;
  if (labels !== undefined) return yesIf(matches(selector, labels));
  const known = labelled(NAMESPACE_NAME_LABEL, name);
  if (contains(selector, known)) return "Yes";
  return areDisjoint(selector, known) ? "No" : "Maybe";
}

/** The best of several. */
export function anyMatch<T>(items: readonly T[], matchOf: (item: T) => Match): Match {
  let best: Match = "No";
  for (const item of items) {
    const match = matchOf(item);
    if (match === "Yes") return "Yes";
    if (match === "Maybe") best = "Maybe";
  }
  return best;
}

export function yesIf(condition: boolean): Match {
  return condition ? "Yes" : "No";
}
