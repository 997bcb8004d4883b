/** Words for people about objects and rules. */
import type { AdminPeer } from "./admin-policy.ts";
import { type Selector, selectorText } from "./labels.ts";
import type { Peer } from "./network-policy.ts";
import type { ObjectRef } from "./objects.ts";

/** "NetworkPolicy fraud/allow-web". */
export function refText({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

/** Undefined: everybody. */
export function peerText(peer: Peer | AdminPeer | undefined): string {
  if (peer === undefined) return "everybody";
  switch (peer.kind) {
    case "Pods": {
      const pods = selected("pods", peer.pods);
      return peer.namespaces === undefined
        ? `${pods} of the namespace`
        : `${pods} of ${selected("namespaces", peer.namespaces)}`;
    }
    case "Block":
    case "Networks":
      return peer.text;
    case "Nodes":
      return selected("nodes", peer.nodes);
    case "Domains":
      return peer.domains.join(", ");
  }
}

function selected(what: string, selector: Selector): string {
  return selector.size === 0 ? `all ${what}` : `${what} with ${selectorText(selector)}`;
}
