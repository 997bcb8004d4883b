import type { ObjectClient } from "./object-client.ts";
import type { KubeObject, ResourceType } from "./types.ts";

/**
 * Applies `desired`, unless `living` has all of it already. What the API server adds by default is no difference, nor is an
 * empty list or map that it leaves out. A field that is no longer desired is none either: let a field that goes take another
 * value with it that comes.
 * @throws KubeError what the API server answered.
 */
export async function applyChanges(
  client: ObjectClient,
  type: ResourceType,
  { desired, living }: { readonly desired: KubeObject; readonly living: KubeObject | undefined },
  fieldManager: string,
): Promise<void> {
  if (living !== undefined && living.metadata.deletionTimestamp === undefined) {
    const { metadata, apiVersion: _version, kind: _kind, ...body } = desired;
    const { labels, annotations, ownerReferences } = metadata;
    if (includes(living, { ...body, metadata: { labels, annotations, ownerReferences } })) return;
  }
  await client.apply(type, desired, { fieldManager });
}

/** Whether `whole` has everything that `part` has. Lists are compared entry by entry. Pure. */
export function includes(whole: unknown, part: unknown): boolean {
  if (part === undefined) return true;
  if (typeof part !== "object" || part === null) return whole === part;
  if (whole === undefined) return Object.keys(part).length === 0;
  if (typeof whole !== "object" || whole === null || Array.isArray(whole) !== Array.isArray(part)) return false;
  if (Array.isArray(part)) {
    const list = whole as readonly unknown[];
    return list.length === part.length && part.every((entry, index) => includes(list[index], entry));
  }
  return Object.entries(part).every(([key, value]) => includes((whole as Record<string, unknown>)[key], value));
}
