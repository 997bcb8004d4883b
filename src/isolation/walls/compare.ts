import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ResourceType } from "../../kube/index.ts";
import { sameQuantity } from "./quantity.ts";
import { type Wall, type WallObject, wallKey } from "./wall.ts";

export interface LivingWall {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

/** What there is to do, in order: what is too much and lets through goes first, what closes is made before what opens. */
export interface WallPlan {
  readonly removeFirst: readonly LivingWall[];
  readonly apply: readonly Wall[];
  readonly removeLast: readonly LivingWall[];
}

/**
 * Compares what has to be there with what lives. `ours`: all that carries the label of this namespace. What there is
 * besides the fields of a wall is somebody else's, and no difference. Pure.
 */
export function planOf(
  walls: readonly Wall[],
  { find, ours }: { readonly find: (wall: Wall) => KubeObject | undefined; readonly ours: readonly LivingWall[] },
): WallPlan {
  const wanted = new Set(walls.map(({ type, object }) => wallKey(type, object)));
  const tooMuch = ours.filter(({ type, object }) => !wanted.has(wallKey(type, object)));
  const closes = ({ type, object }: LivingWall) => !isOpening(type, object);
  return {
    removeFirst: tooMuch.filter((one) => !closes(one)),
    apply: walls.filter((wall) => differs(wall, find(wall))),
    removeLast: [...tooMuch.filter(closes)].sort((a, b) => Number(isLast(a)) - Number(isLast(b))),
  };
}

const openingKinds = ["RoleBinding", "CiliumNetworkPolicy"];

function isOpening({ kind }: ResourceType, { metadata }: KubeObject): boolean {
  return openingKinds.includes(kind) || (kind === "NetworkPolicy" && metadata.name !== "mlsecops-default-deny");
}

function isLast({ type }: LivingWall): boolean {
  return type.kind === "NetworkPolicy" || type.group === "policy.networking.k8s.io";
}

/** Whether the living object is not there, or not as it has to be. Pure. */
export function differs({ type, object }: Wall, living: KubeObject | undefined): boolean {
  if (living === undefined || living.metadata.deletionTimestamp !== undefined) return true;
  const labels = living.metadata.labels ?? {};
  if (Object.entries(object.metadata.labels ?? {}).some(([key, value]) => labels[key] !== value)) return true;
  return !hasBody(type.kind, living, object);
}

function hasBody(kind: string, living: WallObject, wanted: WallObject): boolean {
  switch (kind) {
    case "ServiceAccount":
      return living.automountServiceAccountToken === wanted.automountServiceAccountToken;
    case "RoleBinding":
      return isDeepStrictEqual(living.roleRef, wanted.roleRef) && same(living.subjects ?? [], wanted.subjects ?? []);
    case "ResourceQuota":
      return hasQuota(living.spec, wanted.spec);
    case "LimitRange":
      return sameAmounts(compact(living.spec), compact(wanted.spec));
    case "NetworkPolicy":
      return same(living.spec, wanted.spec);
    default:
      return hasSpec(living, wanted);
  }
}

/** Other resources may be limited as well: that is no difference. Scopes would take pods out of it. */
function hasQuota(living: unknown, wanted: unknown): boolean {
  const {
    hard = {},
    scopes,
    scopeSelector,
  } = (living ?? {}) as {
    readonly hard?: Readonly<Record<string, string>>;
    readonly scopes?: unknown;
    readonly scopeSelector?: unknown;
  };
  const { hard: own } = wanted as { readonly hard: Readonly<Record<string, string>> };
  const isWhole = scopeSelector === undefined && (scopes === undefined || same(scopes, []));
  return isWhole && Object.entries(own).every(([key, value]) => sameQuantity(hard[key] ?? "", value));
}

/** Of a custom resource: defaults may have been added within, but no field beside ours, such as `specs`. */
function hasSpec(living: WallObject, wanted: WallObject): boolean {
  if ("specs" in living && !same(living.specs, [])) return false;
  const [own, there] = [compact(wanted.spec) as object, compact(living.spec ?? {}) as object];
  return Object.keys(there).every((key) => key in own) && includes(there, own);
}

function includes(whole: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null) return whole === part;
  if (typeof whole !== "object" || whole === null || Array.isArray(whole) !== Array.isArray(part)) return false;
  if (Array.isArray(part)) {
    const list = whole as readonly unknown[];
    return list.length === part.length && part.every((entry, index) => includes(list[index], entry));
  }
  return Object.entries(part).every(([key, value]) => includes((whole as Record<string, unknown>)[key], value));
}

function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(compact(a), compact(b));
}

function sameAmounts(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string") return sameQuantity(a, b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [one, other] = [Object.entries(a), b as Readonly<Record<string, unknown>>];
  return one.length === Object.keys(b).length && one.every(([key, value]) => sameAmounts(value, other[key]));
}

/** Plain JSON without empty lists, as the API server leaves them out. An empty map says something: it selects everything. */
function compact(value: unknown): unknown {
  const written = JSON.stringify(value ?? null, (_key, one: unknown) =>
    Array.isArray(one) && one.length === 0 ? undefined : one,
  ) as string | undefined;
  return JSON.parse(written ?? "null") as unknown;
}
