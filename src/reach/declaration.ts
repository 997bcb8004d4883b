import { type Selector, matches } from "./labels.ts";
import type { NetworkPolicySpec } from "./network-policy.ts";
import type { NetworkPolicy } from "./objects.ts";

/**
 * What a namespace's pods may do, and nothing else: every pod of it is taken to be isolated both ways, whether one of
 * these policies selects it or not.
 */
export interface Declaration {
  /** What they allow is declared. Their names do not matter: whatever allows no more than they do is no breach. */
  readonly policies: readonly NetworkPolicySpec[];
  /** What is meant to be exposed: a Service, an Ingress, a route, or a pod (or what owns it) with the node's network or ports. */
  readonly exposed: readonly Exposed[];
}

export interface Exposed {
  readonly kind: string;
  /** Absent: the declaration's own. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/**
 * Takes the living policies that carry the labels for the declaration. Whoever may write labels can then declare traffic:
 * where the policies that ought to be there are known, declare those instead.
 */
export function declarationFrom(
  living: readonly NetworkPolicy[],
  selector: Selector,
  exposed: Declaration["exposed"] = [],
): Declaration {
  return { policies: living.filter(({ labels }) => matches(selector, labels)), exposed };
}
