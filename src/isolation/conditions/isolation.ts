import type { SecureNamespaceStatus } from "../../api/index.ts";
import { truncateUtf8 } from "../../kube/index.ts";
import type { Breach, Excess } from "../../reach/index.ts";
import { type NextCondition, type Why, conditionOf } from "./condition.ts";

/** Where a namespace lets in or out more than is declared, and what of that could not be found out. */
export interface NamespaceReach {
  readonly excess: Excess;
  readonly unknown: readonly string[];
}

export type BreachesStatus = NonNullable<SecureNamespaceStatus["breaches"]>;

const maxExamples = 16;
const maxNameBytes = 253;

/** A breach that is seen is one, whatever else is not known. Pure. */
export function isolationCondition(
  { excess, unknown }: NamespaceReach,
  { enforcement, generation }: { readonly enforcement: "Audit" | "Enforce"; readonly generation: number },
): NextCondition {
  const condition = conditionOf(generation);
  const [first] = excess.breaches;
  if (enforcement === "Audit") {
    const found = first === undefined ? "" : `; now more than is declared comes through: ${described(excess)}`;
    const message = `no traffic is cut: set spec.enforcement to Enforce${found}`;
    return condition("Isolated", "False", { reason: "Audit", message });
  }
  if (first !== undefined) return condition("Isolated", "False", { reason: first.reason, message: described(excess) });
  const [problem] = unknown;
  if (problem !== undefined) {
    const more = unknown.length > 1 ? ` (and ${unknown.length - 1} more)` : "";
    const message = `no breach is seen, and something that may be one is not known: ${problem}${more}`;
    return condition("Isolated", "Unknown", { reason: "ReachUnknown", message });
  }
  return condition("Isolated", "True", { reason: "Isolated", message: "nothing beyond spec.network comes in or out" });
}

/** Why a namespace in Enforce is not ready; undefined when its walls hold, or are not known not to. Pure. */
export function whyBreached({ excess }: NamespaceReach): Why | undefined {
  if (excess.total === 0) return undefined;
  return {
    reason: "IsolationBreached",
    message: `${described(excess)}. Remove it, or declare it in spec.network of the SecureNamespace.`,
  };
}

/** Pure. */
export function breachesStatus(namespace: string, { breaches, total }: Excess): BreachesStatus {
  return { count: total, examples: breaches.slice(0, maxExamples).map((breach) => exampleOf(namespace, breach)) };
}

export interface BreachNews {
  readonly type: "Warning" | "Normal";
  readonly reason: "BreachFound" | "BreachClosed";
  readonly note: string;
}

/** What is to be said of a set of breaches that is not as it was. Pure. */
export function breachNews(before: BreachesStatus | undefined, after: BreachesStatus): readonly BreachNews[] {
  const known = new Set(before?.examples.map(keyOf));
  const found = after.examples.filter((one) => !known.has(keyOf(one)));
  const now = new Set(after.examples.map(keyOf));
  // One that is among more than are listed may still be there.
  const isWhole = after.count === after.examples.length;
  const closed = isWhole ? (before?.examples ?? []).filter((one) => !now.has(keyOf(one))) : [];
  const more = (all: readonly unknown[]) => (all.length > 1 ? ` (and ${all.length - 1} more)` : "");
  const [first] = found;
  const [gone] = closed;
  return [
    ...(first === undefined
      ? []
      : [{ type: "Warning", reason: "BreachFound", note: `${exampleText(first)}${more(found)}` } as const]),
    ...(gone === undefined
      ? []
      : [
          {
            type: "Normal",
            reason: "BreachClosed",
            note: `${gone.kind} ${gone.name} lets nothing through any more that is not declared${more(closed)}`,
          } as const,
        ]),
  ];
}

function described({ breaches, total }: Excess): string {
  const [first] = breaches;
  if (first === undefined) return "";
  const { kind, namespace, name } = first.object;
  const object = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  const more = total > 1 ? `; and ${total - 1} more, see status.breaches` : "";
  return `${object}: ${first.allows}${podsText(first.pods)}${more}`;
}

function exampleOf(
  own: string,
  { object, reason, direction, allows, pods }: Breach,
): BreachesStatus["examples"][number] {
  const { apiVersion, kind, namespace, name } = object;
  const isElsewhere = namespace !== undefined && namespace !== own;
  return {
    apiVersion,
    kind,
    name: isElsewhere ? truncateUtf8(`${namespace}/${name}`, maxNameBytes) : name,
    reason,
    direction,
    allows,
    pods: { count: pods.count, examples: [...pods.examples] },
  };
}

function exampleText({ kind, name, allows, pods }: BreachesStatus["examples"][number]): string {
  return `${kind} ${name}: ${allows}${podsText(pods)}`;
}

function podsText({ count, examples: [first] }: Breach["pods"]): string {
  if (count === 0 || first === undefined) return "; no pod that is there now, any that comes";
  return `; ${count} ${count === 1 ? "pod" : "pods"}, for example ${first}`;
}

function keyOf({ apiVersion, kind, name, reason, direction }: BreachesStatus["examples"][number]): string {
  return JSON.stringify([apiVersion, kind, name, reason, direction ?? ""]);
}
