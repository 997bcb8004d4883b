import { isKubeError } from "./kube-error.ts";
import type { ObjectClient } from "./object-client.ts";
import type { JsonPatchOperation, KubeObject, ResourceType } from "./types.ts";

/** Lost races before giving up; each means that somebody else changed the object in between. */
const maxAttempts = 5;

/**
 * Adds the finalizer and returns the object as it then is. An object that is already being deleted is returned as it is
 * (the API refuses new finalizers on it), one that is gone as undefined.
 * @throws KubeError `Conflict` when the race was lost five times in a row, or what the API server answered.
 */
export function ensureFinalizer<T extends KubeObject>(
  client: ObjectClient,
  type: ResourceType,
  object: T,
  name: string,
): Promise<T | undefined> {
  return patchFinalizers(client, type, object, (current) => {
    if (current.metadata.deletionTimestamp !== undefined) return undefined;
    const finalizers = current.metadata.finalizers ?? [];
    return finalizers.includes(name) ? undefined : [...finalizers, name];
  });
}

/**
 * Removes the finalizer, and nobody else's. Returns the object as it then is; undefined when it is gone, as it usually is
 * after the last finalizer.
 * @throws KubeError as {@link ensureFinalizer}.
 */
export function removeFinalizer<T extends KubeObject>(
  client: ObjectClient,
  type: ResourceType,
  object: T,
  name: string,
): Promise<T | undefined> {
  return patchFinalizers(client, type, object, (current) => {
    const finalizers = current.metadata.finalizers ?? [];
    return finalizers.includes(name) ? finalizers.filter((finalizer) => finalizer !== name) : undefined;
  });
}

/** `edit` returns the new list, or undefined when there is nothing to do. */
async function patchFinalizers<T extends KubeObject>(
  client: ObjectClient,
  type: ResourceType,
  object: T,
  edit: (current: T) => readonly string[] | undefined,
): Promise<T | undefined> {
  let current: T | undefined = object;
  for (let attempt = 1; ; attempt += 1) {
    const finalizers = edit(current);
    if (finalizers === undefined) return current;
    try {
      return await client.patchJson<T>(type, object.metadata, patchFor(current, finalizers));
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      // A failed `test` is answered with 422: the object is no longer the one that was read.
      if (!isKubeError(error, "Conflict", "Invalid") || attempt === maxAttempts) throw error;
    }
    current = await client.get<T>(type, object.metadata);
    // Another object may have taken the name; its finalizers are not ours to edit.
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return undefined;
  }
}

function patchFor(current: KubeObject, finalizers: readonly string[]): JsonPatchOperation[] {
  const { uid, resourceVersion, finalizers: before } = current.metadata;
  return [
    { op: "test", path: "/metadata/uid", value: uid },
    // Without a list there is nothing to compare with, so the whole object must be unchanged.
    before === undefined || before.length === 0
      ? { op: "test", path: "/metadata/resourceVersion", value: resourceVersion }
      : { op: "test", path: "/metadata/finalizers", value: before },
    { op: "add", path: "/metadata/finalizers", value: finalizers },
  ];
}
