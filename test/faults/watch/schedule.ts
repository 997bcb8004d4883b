import { between, pick, seeded, type Draw } from "./random.ts";

/** What happens to a watched collection, and to those who watch it. Times are in milliseconds. */
export type Happening =
  | { readonly does: "Put" | "Delete"; readonly name: string }
  /** Every connection breaks, perhaps in the middle of a line. */
  | { readonly does: "Cut"; readonly midLine: boolean }
  /** Nothing comes for so long; then all of it does. */
  | { readonly does: "Stall"; readonly ms: number }
  /** Open connections never say anything again, not even that they are closed. */
  | { readonly does: "Hole" }
  /** The same, and nor do those that are opened within so long. */
  | { readonly does: "Swallow"; readonly ms: number }
  /** The history is forgotten. Whoever asks for it is told in an event, or by the answer's status; or it is said in open watches. */
  | { readonly does: "Forget"; readonly told: "Body" | "Status" | "InWatch" }
  | { readonly does: "Throttle"; readonly what: RequestKind; readonly times: number }
  | { readonly does: "Fail"; readonly what: RequestKind | "InWatch"; readonly times: number }
  /** No bookmark for so long, and then the history is forgotten. */
  | { readonly does: "LoseBookmarks"; readonly ms: number }
  /** Lists that are under way page by page have to begin again. */
  | { readonly does: "ExpireTokens" }
  /** Answers begin so late. */
  | { readonly does: "Slow"; readonly ms: number }
  /** The next events come in another order. */
  | { readonly does: "Reorder"; readonly count: number }
  /** The last events come once more. */
  | { readonly does: "Repeat"; readonly count: number };

export type RequestKind = "List" | "Watch";

export interface Step {
  readonly atMs: number;
  readonly happening: Happening;
}

export interface Schedule {
  readonly seed: number;
  /** Nothing in it that a real API server and its network do not do: no other order, and nothing twice. */
  readonly faithful: boolean;
  readonly steps: readonly Step[];
}

export const names = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;

type Maker = (draw: Draw) => Happening;

const faithfulFaults: readonly [Maker, ...Maker[]] = [
  (draw) => ({ does: "Cut", midLine: draw() < 0.3 }),
  (draw) => ({ does: "Stall", ms: between(draw, 20, 200) }),
  () => ({ does: "Hole" }),
  (draw) => ({ does: "Swallow", ms: between(draw, 20, 200) }),
  (draw) => ({ does: "Forget", told: pick(draw, ["Body", "Status", "InWatch"]) }),
  (draw) => ({ does: "Throttle", what: pick(draw, ["List", "Watch"]), times: between(draw, 1, 2) }),
  (draw) => ({ does: "Fail", what: pick(draw, ["List", "Watch", "InWatch"]), times: between(draw, 1, 3) }),
  (draw) => ({ does: "LoseBookmarks", ms: between(draw, 50, 200) }),
  () => ({ does: "ExpireTokens" }),
  (draw) => ({ does: "Slow", ms: between(draw, 10, 100) }),
];
const rudeFaults: readonly [Maker, ...Maker[]] = [
  (draw) => ({ does: "Reorder", count: between(draw, 2, 6) }),
  (draw) => ({ does: "Repeat", count: between(draw, 1, 6) }),
];

/** The same for the same seed. Those of even seeds are faithful. */
export function scheduleOf(seed: number): Schedule {
  const draw = seeded(seed);
  const faithful = seed % 2 === 0;
  const faults = between(draw, 2, 8);
  const happenings: Happening[] = [];
  for (let fault = 0; fault < faults; fault += 1) {
    for (let writes = between(draw, 0, 4); writes > 0; writes -= 1) happenings.push(write(draw));
    const makers = faithful || draw() < 0.6 ? faithfulFaults : rudeFaults;
    happenings.push(pick(draw, makers)(draw));
    for (let writes = between(draw, 0, 4); writes > 0; writes -= 1) happenings.push(write(draw));
  }
  let atMs = between(draw, 0, 60);
  const steps = happenings.map((happening) => {
    const step = { atMs, happening };
    atMs += gap(draw);
    return step;
  });
  return { seed, faithful, steps };
}

/** Much of what happens does so in the same moment, and some of it when whoever watches has come to rest. */
function gap(draw: Draw): number {
  const chance = draw();
  if (chance < 0.5) return 0;
  return chance < 0.92 ? between(draw, 1, 60) : between(draw, 200, 500);
}

function write(draw: Draw): Happening {
  return { does: draw() < 0.7 ? "Put" : "Delete", name: pick(draw, names) };
}
