import type { Controller, Informer, KubeObject } from "../kube/index.ts";

/** Wakes the controller for each key, for those first that are urgent. */
export function wake(controller: Controller, keys: readonly string[], isUrgent: (key: string) => boolean): void {
  // Those of one namespace after each other: what they change in its grant is written together.
  const sorted = [...new Set(keys)].sort();
  const urgent = new Set(sorted.filter(isUrgent));
  // Before the others, for whom a worker may wait as well.
  for (const key of urgent) controller.enqueueUrgent(key);
  for (const key of sorted) if (!urgent.has(key)) controller.enqueue(key);
}

/** For objects that nobody writes a status on. */
export function onAnyChange<T extends KubeObject>(
  controller: Controller,
  informer: Informer<T>,
  map: (object: T) => readonly string[],
  wakeAll: (keys: readonly string[]) => void,
): void {
  // It must be synced before the controller starts.
  controller.watch(informer, () => []);
  informer.onChange(({ object, previous }) =>
    wakeAll(previous === undefined ? map(object) : [...map(object), ...map(previous)]),
  );
}

/** For objects that many others rest on: each status written on them would wake all of those. */
export function onSpecChange<T extends KubeObject>(
  controller: Controller,
  informer: Informer<T>,
  map: (object: T) => readonly string[],
  wakeAll = (keys: readonly string[]) => wake(controller, keys, () => false),
): void {
  // It must be synced before the controller starts.
  controller.watch(informer, () => []);
  informer.onChange(({ object, previous }) => {
    const { uid, generation, deletionTimestamp } = object.metadata;
    const before = previous?.metadata;
    if (before?.uid === uid && before?.generation === generation && before?.deletionTimestamp === deletionTimestamp)
      return;
    wakeAll(previous === undefined ? map(object) : [...map(object), ...map(previous)]);
  });
}
