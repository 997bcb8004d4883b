import { isDeepStrictEqual } from "node:util";
import { isKubeError } from "./kube-error.ts";
import type { ObjectClient } from "./object-client.ts";
import { apiVersionOf, type KubeObject, type ResourceType } from "./types.ts";

interface WithStatus extends KubeObject {
  readonly status?: unknown;
}

export interface StatusWrite {
  readonly status: object;
  readonly fieldManager: string;
  readonly resourceVersion?: string | undefined;
  /** Fields that are written along when the status is written anyway, and that are never a reason to write it. */
  readonly along?: object | undefined;
}

/**
 * Applies the status, unless it is what the object has. An object that was deleted in the meantime has nobody left to tell.
 * `resourceVersion`: of the object that the status was computed from, where the one before matters; a cache may be behind
 * what we wrote ourselves. Returns the version that the object then has.
 * @throws KubeError `Conflict` when the object is no longer at that version, or what the API server answered.
 */
export async function applyStatus(
  client: ObjectClient,
  type: ResourceType,
  object: WithStatus,
  { status: wanted, fieldManager, resourceVersion, along }: StatusWrite,
): Promise<string | undefined> {
  const status = { ...wanted, ...along };
  if (isDeepStrictEqual(comparable(object.status ?? {}), comparable({ ...status, ...present(object, along) })))
    return resourceVersion;
  const { name, namespace } = object.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const applied: WithStatus = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, status };
  try {
    const { metadata: written } = await client.apply(type, applied, { fieldManager, subresource: "status" });
    return written.resourceVersion;
  } catch (error) {
    if (!isKubeError(error, "NotFound")) throw error;
    return undefined;
  }
}

/** The same fields as the object has them. */
function present({ status }: WithStatus, fields: object | undefined): object {
  const living = (status ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.keys(fields ?? {}).map((field) => [field, living[field]]));
}

/** Plain JSON, in which lists that are maps by `type` or `name` have one order: the API server keeps its own. */
function comparable(status: object): unknown {
  return JSON.parse(
    JSON.stringify(status, (_key, value: unknown) =>
      Array.isArray(value) ? value.toSorted((a, b) => order(entryKey(a), entryKey(b))) : value,
    ),
  ) as unknown;
}

function entryKey(entry: unknown): string {
  if (typeof entry !== "object" || entry === null) return "";
  const { type, name } = entry as { readonly type?: unknown; readonly name?: unknown };
  return typeof type === "string" ? type : typeof name === "string" ? name : "";
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
