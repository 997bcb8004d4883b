import { Theatre, type Wanted, bad, good } from "../unit/serving/theatre.ts";

/** What happens to a model in its life. */
export interface Act {
  readonly name: string;
  readonly play: (theatre: Theatre) => void;
  /** The minutes that go by then, one after the other, with time to come to rest after each. */
  readonly minutes: readonly number[];
}

export class Killed extends Error {}

/** In each act that has so many writes, once. */
export interface Kill {
  readonly when: "before" | "after";
  /** Counted from the beginning of the act, from 1. */
  readonly write: number;
}

const byRoute = { httpRoute: { parentRefs: [{ name: "public" }], hostnames: [] } };
const steps = [
  { weight: 25, pause: "1m", approval: false },
  { weight: 75, pause: "1m", approval: false },
];
export const strategies: Readonly<Record<string, Wanted>> = {
  RollingUpdate: { type: "RollingUpdate" },
  Recreate: { type: "Recreate" },
  BlueGreen: { type: "BlueGreen", hold: "1m" },
  Canary: { type: "Canary", steps },
  RoutedCanary: { type: "Canary", steps, traffic: byRoute },
  Shadow: { type: "Shadow", hold: "1m", traffic: byRoute },
};

const rollout = [1, 1, 1, 1, 1];
/** A verdict is looked at again within the hour. */
const recheck = [31, 31];

export const acts: readonly Act[] = [
  { name: "a first version is asked for", play: () => undefined, minutes: [1] },
  { name: "a second one is asked for", play: (theatre) => theatre.ask(2), minutes: rollout },
  { name: "the second one fails", play: (theatre) => theatre.health.set(2, bad), minutes: [1] },
  { name: "a third one is asked for", play: (theatre) => theatre.ask(3), minutes: rollout },
  { name: "the third one is revoked", play: (theatre) => theatre.revoked.add(3), minutes: recheck },
  {
    name: "all of them are revoked",
    play: (theatre) => [1, 2, 3].forEach((one) => theatre.revoked.add(one)),
    minutes: recheck,
  },
  {
    name: "all of them are trusted again",
    play: (theatre) => {
      theatre.revoked.clear();
      theatre.health.set(2, good);
    },
    minutes: recheck,
  },
  { name: "a person bans the third", play: (theatre) => theatre.order("Ban", 3), minutes: [1] },
  { name: "it is deleted", play: erase, minutes: [1] },
];

/** Lives through it all, and says how things stood after each act, and how many writes each took. */
export async function live(strategy: Wanted, kill?: Kill) {
  const theatre = new Theatre(strategy);
  const { world } = theatre;
  let writes = 0;
  let isDead = false;
  let isOver = false;
  world.client.onWrite = (when) => {
    if (isDead) throw new Killed();
    if (when === "before") writes += 1;
    if (isOver || kill?.when !== when || kill.write !== writes) return;
    isDead = true;
    isOver = true;
    throw new Killed();
  };
  const settle = async () => {
    try {
      await world.settle(60);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      // The next process knows nothing but what the cluster holds.
      isDead = false;
      world.kubernetes();
      await world.settle(60);
    }
  };
  const rest = async () => {
    await settle();
    if (!world.client.objects.has("httproutes/shop/iris")) return;
    theatre.accept();
    await settle();
  };
  const ends: unknown[] = [];
  const counts: number[] = [];
  for (const { name, play, minutes } of acts) {
    writes = 0;
    isOver = false;
    play(theatre);
    await rest();
    for (const one of minutes) {
      await world.clock.advance(one * 61_000);
      await rest();
    }
    ends.push({ after: name, ...stateOf(theatre) });
    counts.push(writes);
  }
  return { ends, counts };
}

function erase({ world }: Theatre): void {
  const model = world.client.objects.get("securemodels/shop/iris");
  if (model === undefined) return;
  const metadata = { ...model.metadata, deletionTimestamp: world.clock.now().toISOString() };
  world.client.add("securemodels", { ...model, metadata });
}

function stateOf(theatre: Theatre) {
  const { world } = theatre;
  const objects = [...world.client.objects.keys()].filter((key) => !key.startsWith("pods/")).sort();
  if (!world.client.objects.has("securemodels/shop/iris")) return { objects, granted: world.granted() };
  const { status, metadata } = world.model();
  return {
    objects,
    finalizers: metadata.finalizers,
    cast: theatre.cast(),
    granted: [...world.granted()].sort(),
    phases: world.phases(),
    conditions: (status?.conditions ?? [])
      .map(({ type, status: value, reason }) => `${type}=${value}/${reason}`)
      .sort(),
    active: theatre.versionOf(status?.active?.revision ?? ""),
    lastKnownGood: theatre.versionOf(status?.lastKnownGood?.revision ?? ""),
    rollbacks: status?.rollbacks?.map(({ from, to }) => ({ from, to })),
    banned: world.revisions().flatMap((one) => (one.status?.ban === undefined ? [] : [one.metadata.name])),
  };
}
