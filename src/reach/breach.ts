import { truncateUtf8 } from "../kube/index.ts";
import type { Direction } from "./network-policy.ts";
import { type ObjectRef, type Pod } from "./objects.ts";

/** Stable: part of what a SecureNamespace's status says. In the order in which they are reported. */
export const breachReasons = [
  "PolicyWidens",
  "UnselectedPod",
  "HostNetwork",
  "HostPort",
  "NodePort",
  "LoadBalancer",
  "ExternalIPs",
  "IngressRoute",
  "GatewayRoute",
  "PolicyUnreadable",
  "ObjectUnreadable",
] as const;
export type BreachReason = (typeof breachReasons)[number];

/** Why a namespace's pods reach, or are reached by, more than is declared. */
export interface Breach {
  /** What widens it. */
  readonly object: ObjectRef;
  readonly direction: Direction;
  readonly reason: BreachReason;
  /** What comes through, for people. At most 256 bytes. */
  readonly allows: string;
  /** Those that are there now; 0 if it is about pods that may come. */
  readonly pods: { readonly count: number; readonly examples: readonly string[] };
}

export interface Excess {
  /** At most 50, in a fixed order. */
  readonly breaches: readonly Breach[];
  readonly total: number;
}

const maxBreaches = 50;
const maxExamples = 5;
const maxTextBytes = 256;

export function breach(
  reason: BreachReason,
  direction: Direction,
  { object, allows, pods }: { readonly object: ObjectRef; readonly allows: string; readonly pods: readonly Pod[] },
): Breach {
  const names = pods.map(({ ref }) => ref.name).sort(byText);
  return {
    object,
    direction,
    reason,
    allows: truncateUtf8(allows, maxTextBytes),
    pods: { count: names.length, examples: names.slice(0, maxExamples) },
  };
}

/** Sorted by what does not change from one look to the next, so that a status stays as it is. */
export function excessOf(breaches: readonly Breach[]): Excess {
  const key = ({ reason, object, direction }: Breach): readonly string[] => [
    String(breachReasons.indexOf(reason)).padStart(2, "0"),
    object.kind,
    object.apiVersion,
    object.namespace ?? "",
    object.name,
    direction,
  ];
  const sorted = breaches
    .map((one) => [JSON.stringify(key(one)), one] as const)
    .sort(([a], [b]) => byText(a, b))
    .map(([, one]) => one);
  return { breaches: sorted.slice(0, maxBreaches), total: sorted.length };
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
