import type { ApiServer } from "./api-server.ts";
import type { Collection } from "./collection.ts";
import type { Contestant, Watching } from "./contestant.ts";
import { seeded } from "./random.ts";
import { names, scheduleOf, type Schedule } from "./schedule.ts";

/** How long after its end a schedule may have an effect while this process has the processor, how long what is believed must stay right, and how often that is looked at. */
const limitMs = 10_000;
const graceMs = 250;
const lookMs = 10;
/** A look that comes later than this after the one before was held up by the machine. */
const mostLateMs = 50;

export interface Outcome {
  readonly schedule: Schedule;
  /** After the last fault; undefined when not within 10 s of the time below. */
  readonly convergedMs: number | undefined;
  /** The same without the time in which this process got no processor, as timers that are late tell. */
  readonly ownMs: number | undefined;
  /** Objects, or changes of them, that it does not know of, or that it believes in and that are not there. */
  readonly missed: readonly string[];
  readonly phantom: readonly string[];
  readonly contradictions: readonly string[];
  readonly requests: { readonly List: number; readonly Watch: number };
}

let trials = 0;

/** Plays a schedule to one who watches. What counts is what it believes after the end, when the last write has been made. */
export async function trial(seed: number, contestant: Contestant, server: ApiServer): Promise<Outcome> {
  const schedule = scheduleOf(seed);
  const namespace = `trial-${(trials += 1)}`;
  const endpoint = server.open(namespace, seeded(seed + 1_000_003));
  const { collection, requests } = endpoint;
  for (const name of names.slice(0, 5)) collection.put(name);
  const watching = contestant.watch(server.kubeConfig(), namespace);
  try {
    const begin = performance.now();
    for (const { atMs, happening } of schedule.steps) {
      const waitMs = begin + atMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      endpoint.happen(happening);
    }
    endpoint.heal();
    // Who is deaf since then never hears of it.
    collection.put("h");
    const times = await converged(watching, collection);
    const { missed, phantom } = differences(watching, collection);
    return { schedule, ...times, missed, phantom, contradictions: watching.contradictions(), requests };
  } finally {
    watching.stop();
    server.closeEndpoint(namespace);
  }
}

async function converged(
  watching: Watching,
  collection: Collection,
): Promise<{ readonly convergedMs: number | undefined; readonly ownMs: number | undefined }> {
  const end = performance.now();
  let last = end;
  let own = 0;
  let since: { readonly at: number; readonly convergedMs: number; readonly ownMs: number } | undefined;
  for (;;) {
    const now = performance.now();
    own += Math.min(now - last, mostLateMs);
    last = now;
    const { missed, phantom } = differences(watching, collection);
    if (missed.length + phantom.length > 0) since = undefined;
    else since ??= { at: now, convergedMs: now - end, ownMs: own };
    if (since !== undefined && now - since.at >= graceMs) return since;
    if (own > limitMs) return { convergedMs: undefined, ownMs: undefined };
    await delay(lookMs);
  }
}

function differences(watching: Watching, collection: Collection) {
  const believes = watching.believes();
  const there = collection.objects().map(({ metadata }) => metadata);
  const missed = there.filter(
    ({ name, uid, resourceVersion }) =>
      !believes.some((one) => one.name === name && one.uid === uid && one.resourceVersion === resourceVersion),
  );
  const phantom = believes.filter(({ name, uid }) => !there.some((one) => one.name === name && one.uid === uid));
  return { missed: missed.map(({ name }) => name), phantom: phantom.map(({ name }) => name) };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
