import { AsyncLocalStorage } from "node:async_hooks";

const passes = new AsyncLocalStorage<string>();

/** What the action does, and what it starts, belongs to that pass. */
export function inPass<T>(reconcileId: string, action: () => Promise<T>): Promise<T> {
  return passes.run(reconcileId, action);
}

/** The id of the pass that asks; undefined outside of one. It leads from a line of the log to what else the pass left. */
export function currentReconcileId(): string | undefined {
  return passes.getStore();
}
