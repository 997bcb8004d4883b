import type { KubeObject } from "../../kube/index.ts";
import type { WallProblem } from "./problems.ts";
import { parseQuantity, quantityText } from "./quantity.ts";

type Resources = Readonly<Record<string, string>>;

interface Container {
  readonly resources?: { readonly requests?: Resources; readonly limits?: Resources } | undefined;
  readonly restartPolicy?: string | undefined;
}

/** Of a pod, what counts against a quota. */
export interface ConsumingPod extends KubeObject {
  readonly spec: {
    readonly containers: readonly object[];
    readonly initContainers?: readonly object[] | undefined;
    readonly overhead?: Resources | undefined;
  };
  readonly status?: { readonly phase?: string };
}

const maxNamed = 4;

/**
 * What runs already is more than a quota allows: it goes on running, and nothing new starts. `counted`: what the API server
 * has counted against the quota, where there is one. Pure.
 */
export function quotaProblem(
  hard: Resources,
  counted: Resources | undefined,
  pods: readonly ConsumingPod[],
): WallProblem | undefined {
  const running = useOf(pods);
  const over = Object.entries(hard).flatMap(([key, value]) => {
    const [most, used] = [parseQuantity(value), parseQuantity(counted?.[key] ?? "") ?? running.get(key)];
    return most === undefined || used === undefined || used <= most
      ? []
      : [`${key} is ${value}, and ${counted?.[key] ?? quantityText(used)} is in use`];
  });
  if (over.length === 0) return undefined;
  const more = over.length > maxNamed ? ` (and ${over.length - maxNamed} more)` : "";
  const message = `the quota is below what runs now: ${over.slice(0, maxNamed).join("; ")}${more}. What runs goes on, and nothing new starts: raise it in spec.quota, or run less`;
  return { reason: "QuotaBelowUse", message };
}

/** What pods ask for, by the keys of a ResourceQuota. Pure. */
export function useOf(pods: readonly ConsumingPod[]): ReadonlyMap<string, bigint> {
  const total = new Map<string, bigint>();
  const live = pods.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  add(total, "pods", (parseQuantity("1") ?? 0n) * BigInt(live.length));
  for (const pod of live)
    for (const kind of ["requests", "limits"] as const)
      for (const [resource, amount] of podAmounts(pod, kind)) {
        add(total, `${kind}.${resource}`, amount);
        // The short names stand for requests.
        if (kind === "requests") add(total, resource, amount);
      }
  return total;
}

/** Init containers run one after the other, before the others; sidecars run beside all. */
function podAmounts({ spec }: ConsumingPod, kind: "requests" | "limits"): ReadonlyMap<string, bigint> {
  const of = (container: Container) => Object.entries(container.resources?.[kind] ?? {});
  const initial = (spec.initContainers ?? []) as readonly Container[];
  const sum = new Map<string, bigint>();
  const sidecars = initial.filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const container of [...(spec.containers as readonly Container[]), ...sidecars])
    for (const [resource, text] of of(container)) add(sum, resource, parseQuantity(text) ?? 0n);
  for (const container of initial)
    for (const [resource, text] of of(container)) {
      const amount = parseQuantity(text) ?? 0n;
      if (amount > (sum.get(resource) ?? 0n)) sum.set(resource, amount);
    }
  for (const [resource, text] of Object.entries(spec.overhead ?? {})) add(sum, resource, parseQuantity(text) ?? 0n);
  return sum;
}

function add(total: Map<string, bigint>, key: string, amount: bigint): void {
  total.set(key, (total.get(key) ?? 0n) + amount);
}
