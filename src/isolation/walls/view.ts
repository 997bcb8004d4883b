import type { SecureNamespaceStatus } from "../../api/index.ts";
import { formatTime } from "../../kube/index.ts";
import type { WallProblem } from "./problems.ts";

/** What the last look at the walls of a namespace gave. */
export interface WallsState {
  /** Of the SecureNamespace: another object of that name is another matter. */
  readonly uid: string;
  /** The generation of the spec that was looked at. */
  readonly generation: number;
  readonly objects: number;
  /** Since the SecureNamespace is there. */
  readonly repaired: number;
  readonly lastRepair?: { readonly object: string; readonly time: Date } | undefined;
  readonly problems: readonly WallProblem[];
}

/** How far the farewell of a SecureNamespace has come: what is not done is tried again. */
export type Leaving = { readonly state: "Done" } | { readonly state: "Failed"; readonly message: string };

/** What the walls controller knows, for the controller that writes the status. Lost with the process, and found out again. */
export class WallsView {
  readonly #states = new Map<string, WallsState>();
  readonly #leaving = new Map<string, Leaving & { readonly uid: string }>();

  state(name: string, uid: string | undefined): WallsState | undefined {
    const state = this.#states.get(name);
    return state?.uid === uid ? state : undefined;
  }

  leaving(name: string, uid: string | undefined): Leaving | undefined {
    const leaving = this.#leaving.get(name);
    return leaving?.uid === uid ? leaving : undefined;
  }

  /** Whether that is news. */
  set(name: string, state: WallsState): boolean {
    const before = this.#states.get(name);
    this.#states.set(name, state);
    return JSON.stringify(before) !== JSON.stringify(state);
  }

  setLeaving(name: string, uid: string, leaving: Leaving): void {
    this.#leaving.set(name, { ...leaving, uid });
  }

  forget(name: string): void {
    this.#states.delete(name);
    this.#leaving.delete(name);
  }
}

/** For `status.walls`. What an earlier process has repaired last stays. Pure. */
export function wallsStatus(
  state: WallsState | undefined,
  before: SecureNamespaceStatus["walls"],
): SecureNamespaceStatus["walls"] {
  if (state === undefined) return before;
  const { objects, repaired, lastRepair } = state;
  const last =
    lastRepair === undefined ? before?.lastRepair : { object: lastRepair.object, time: formatTime(lastRepair.time) };
  return { objects, repaired, ...(last === undefined ? {} : { lastRepair: last }) };
}
