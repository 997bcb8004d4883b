import type { FaultProxy, ProxiedWrite, Ruling } from "../../../support/fault-proxy.ts";
import type { Lane } from "./lane.ts";

/** Where the operator is killed, as one tenant sees it: `before` write number `write` is made, or `after` it, unanswered. */
export interface KillPoint {
  readonly write: number;
  readonly when: "before" | "after";
}

/** Writes that decide nothing: telling people, and the lease. */
export function decides({ url }: ProxiedWrite): boolean {
  return !/\/(events|leases)(\/|\?|$)/.test(url);
}

export function writesFor(lane: Lane, proxy: FaultProxy): ProxiedWrite[] {
  return proxy.writes.filter((write) => decides(write) && lane.concerns(write.url));
}

/**
 * Places where the operator can be killed during `writes` writes, spread evenly over the lanes where there are too few. What a
 * successor finds is the same after write n and before write n + 1, so the first round takes one of the two for each n; the
 * second, as far as there are lanes, the other.
 */
export function killPoints(writes: number, lanes: number): KillPoint[] {
  const places = writes + 1;
  const stride = Math.max(1, places / lanes);
  return Array.from({ length: lanes }, (_, index) => {
    const made = Math.floor(index * stride) % places;
    const round = Math.floor(index / places);
    const before = made === 0 || (made !== writes && (made + round) % 2 === 0);
    return before ? { write: made + 1, when: "before" } : { write: made, when: "after" };
  });
}

/**
 * Lets an operator die at one point for each tenant: from there on it changes nothing of that tenant's any more, as if it had
 * been killed there. It is killed in earnest when it is dead to all of them.
 */
export class Death {
  readonly #lanes = new Map<Lane, { readonly point: KillPoint | undefined; made: number; dead: boolean }>();

  constructor(lanes: readonly Lane[], points: readonly KillPoint[]) {
    lanes.forEach((lane, index) => this.#lanes.set(lane, { point: points[index], made: 0, dead: false }));
  }

  readonly judge = (write: ProxiedWrite): Ruling => {
    if (!decides(write)) return "pass";
    for (const [lane, fate] of this.#lanes) {
      if (!lane.concerns(write.url)) continue;
      if (fate.dead) return "refuse";
      fate.made += 1;
      if (fate.made !== fate.point?.write) return "pass";
      fate.dead = true;
      return fate.point.when === "before" ? "refuse" : "lose";
    }
    return "pass";
  };

  /** Never, where races between its controllers saved so many writes that it did not come that far. */
  isDead(lane: Lane): boolean {
    return this.#lanes.get(lane)?.dead === true;
  }

  /** For the message of a failed test. */
  fateOf(lane: Lane): string {
    const fate = this.#lanes.get(lane);
    if (fate?.point === undefined || !fate.dead) return `not killed, ${fate?.made ?? 0} writes`;
    return `killed ${fate.point.when} write ${fate.point.write}`;
  }
}
