import type { z } from "zod";
import type { KubeObject, OwnerReference, ResourceType } from "../kube/index.ts";
import { API_VERSION, type CelRule } from "./schema.ts";

/** One column of `kubectl get`. Priority 1 shows with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: 1;
}

/** Everything the generators and the operator need to know of a kind; its zod schemas are its only definition. */
export interface KindDefinition<S extends z.ZodType = z.ZodType, T extends z.ZodType = z.ZodType> {
  readonly resource: ResourceType;
  readonly shortNames: readonly string[];
  readonly summary: string;
  readonly spec: S;
  readonly status: T;
  /** How a spec looks, in one line; only where users write the kind. It is shown to whoever leaves the spec out. */
  readonly example?: string;
  readonly rules: readonly CelRule[];
  readonly columns: readonly PrinterColumn[];
  /** The scale subresource's paths, where the kind has one. */
  readonly scale?: { readonly spec: string; readonly status: string; readonly selector: string };
}

/** An object of a kind as the cluster holds it, after `parseObject`. */
export interface TypedObject<Spec, Status> extends KubeObject {
  readonly spec: Spec;
  readonly status?: Status;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

/**
 * Parses an object as the API server sent it. The CRD refuses most errors earlier; what is left (an object stored under
 * an older schema, a hand-edited etcd) must not reach the code behind as a wrong type.
 */
export function parseObject<S extends z.ZodType, T extends z.ZodType>(
  kind: KindDefinition<S, T>,
  raw: KubeObject & { readonly spec?: unknown; readonly status?: unknown },
): Parsed<TypedObject<z.output<S>, z.output<T>>> {
  const spec = kind.spec.safeParse(raw.spec ?? {});
  if (!spec.success) return { ok: false, message: describe("spec", spec.error) };
  const status = parseStatus(kind, raw);
  const { spec: _spec, status: _status, ...rest } = raw;
  return {
    ok: true,
    value: { ...rest, spec: spec.data, ...(status === undefined ? {} : { status }) },
  };
}

/** A status is ours: one that does not parse is as good as none, and is written anew. */
export function parseStatus<S extends z.ZodType, T extends z.ZodType>(
  kind: KindDefinition<S, T>,
  { status }: { readonly status?: unknown },
): z.output<T> | undefined {
  const parsed = status === undefined ? undefined : kind.status.safeParse(status);
  return parsed?.success === true ? parsed.data : undefined;
}

/** Whose garbage an object is that is made for this one. */
export function ownerReference(kind: KindDefinition, { metadata: { name, uid = "" } }: KubeObject): OwnerReference {
  const owner = { apiVersion: API_VERSION, kind: kind.resource.kind, name, uid };
  return { ...owner, controller: true, blockOwnerDeletion: true };
}

function describe(root: string, error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${[root, ...issue.path.map(String)].join(".")}: ${issue.message}`)
    .join("; ");
}
