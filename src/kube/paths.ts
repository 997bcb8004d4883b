import { KubeError } from "./kube-error.ts";
import type { ResourceType } from "./types.ts";

export interface PathTarget {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The path of a collection (no name), an object, or a subresource. Without a namespace the collection of a namespaced type
 * is the one over all namespaces.
 * @throws KubeError `BadRequest` when a name or namespace could lead out of its path segment, or a namespace is missing.
 */
export function apiPath(type: ResourceType, target: PathTarget = {}, query: Query = {}): string {
  const segments = type.group === "" ? ["api", type.version] : ["apis", type.group, type.version];
  if (type.namespaced) {
    if (target.namespace !== undefined && target.namespace !== "") {
      segments.push("namespaces", segment(target.namespace, "namespace"));
    } else if (target.name !== undefined) {
      throw new KubeError("BadRequest", `a ${type.kind} needs a namespace`, { reason: "NamespaceMissing" });
    }
  }
  segments.push(type.plural);
  if (target.name !== undefined) segments.push(segment(target.name, "name"));
  if (target.subresource !== undefined) segments.push(target.subresource);
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const suffix = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  return `/${segments.join("/")}${suffix}`;
}

/** The same rule as the API server's ValidatePathSegmentName: a name from a tenant must not address something else. */
function segment(value: string, what: string): string {
  if (value === "" || value === "." || value === ".." || /[/%]/.test(value)) {
    throw new KubeError("BadRequest", `not a valid ${what}: ${JSON.stringify(value)}`, {
      reason: "InvalidPathSegment",
    });
  }
  return encodeURIComponent(value);
}
