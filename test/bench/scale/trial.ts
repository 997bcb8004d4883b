import { Informer, type KubeObject, type ObjectClient, systemClock } from "../../../src/kube/index.ts";
import { forEachOf, silentLog } from "../../integration/kube/support.ts";
import { type Distribution, distributionOf } from "../support/measure.ts";
import { type Asked, type AuditTail, askedSince } from "./audit.ts";
import { type Contestant, parallel } from "./contestant.ts";
import { type Usage, usageOf } from "./usage.ts";

/** While it is at work. */
export interface Sample {
  /** Since the first object was created. */
  readonly seconds: number;
  readonly steady: number;
  readonly rss: number;
  readonly cpu: number;
  readonly requests: number;
}

export interface Trial {
  readonly tool: string;
  readonly objects: number;
  readonly namespaces: number;
  /** Until the namespaces were ready for objects. */
  readonly readySeconds: number;
  readonly createdSeconds: number;
  readonly steadySeconds: number;
  /** From the creation of an object until it was steady, in milliseconds. */
  readonly latency: Distribution;
  /** From the first object until nothing was asked any more. */
  readonly asked: Asked;
  readonly idle: Asked & { readonly seconds: number; readonly cpuPercent: number };
  readonly atWork: Usage;
  readonly atRest: Usage;
  /** Until an object that was created when the process was started again is steady. */
  readonly restartSeconds: number;
  /** Until nothing waits to be looked at, where the tool says so. */
  readonly restartQuietSeconds: number | undefined;
  readonly restartAsked: Asked;
  readonly afterRestart: Usage;
  readonly samples: readonly Sample[];
}

export interface Size {
  readonly objects: number;
  readonly namespaces: number;
}

const idleSeconds = 60;
/** Nothing but watches for so long is rest. Flagger looks at each of its objects for ever: it is not waited for longer than the limit. */
const restMs = 5_000;
const restLimitMs = 60_000;
const perObjectLimitMs = 2_000;

/** Many objects under one tool: until all are steady, at rest, and after a restart. */
export async function tried(
  contestant: Contestant,
  client: ObjectClient,
  audit: AuditTail,
  size: Size,
): Promise<Trial> {
  const { agent, tool } = contestant;
  const spaces = Array.from({ length: size.namespaces }, (_, at) => `scale-${agent}-${at}`);
  const stop = new AbortController();
  const createdAt = new Map<string, number>();
  const steadyMs = new Map<string, number>();
  const limitMs = 120_000 + size.objects * perObjectLimitMs;
  try {
    await contestant.prepare(spaces);
    const view = new Informer<KubeObject>({ client, type: contestant.type, clock: systemClock, log: silentLog() });
    view.onChange(({ object: { metadata, ...object } }) => {
      const begun = createdAt.get(metadata.name);
      if (begun === undefined || steadyMs.has(metadata.name)) return;
      if (contestant.isSteady({ metadata, ...object })) steadyMs.set(metadata.name, performance.now() - begun);
    });
    view.start(stop.signal);
    const create = async (name: string, at: number): Promise<void> => {
      createdAt.set(name, performance.now());
      await contestant.create(spaces[at % spaces.length] ?? "", name);
    };

    const started = performance.now();
    await contestant.start();
    await contestant.ready(spaces);
    await rest(audit, agent);
    const readySeconds = secondsSince(started);

    const before = audit.of(agent);
    const samples: Sample[] = [];
    const begin = performance.now();
    const sampling = setInterval(() => {
      void usageOf(contestant.pid()).then(({ rss, cpu }) => {
        const { requests } = askedSince(before, audit.of(agent));
        samples.push({ seconds: secondsSince(begin), steady: steadyMs.size, rss, cpu, requests });
      });
    }, 1_000);
    await forEachOf([...Array(size.objects).keys()], parallel, (at) => create(`object-${at}`, at));
    const createdSeconds = secondsSince(begin);
    await all(
      () => steadyMs.size >= size.objects,
      limitMs,
      () => `${steadyMs.size} of ${size.objects} are steady`,
    );
    const steadySeconds = secondsSince(begin);
    await rest(audit, agent);
    clearInterval(sampling);
    const latency = distributionOf([...steadyMs.values()]);
    const asked = askedSince(before, audit.of(agent));
    const atWork = await usageOf(contestant.pid());

    const [idleFrom, cpuFrom] = [audit.of(agent), atWork.cpu];
    await pause(idleSeconds * 1_000);
    const atRest = await usageOf(contestant.pid());
    const idle = {
      ...askedSince(idleFrom, audit.of(agent)),
      seconds: idleSeconds,
      cpuPercent: ((atRest.cpu - cpuFrom) / idleSeconds) * 100,
    };

    await contestant.stop();
    const restartFrom = audit.of(agent);
    const restarted = performance.now();
    await contestant.start();
    await create("restarted", 0);
    const quiet = quietSeconds(contestant, restarted, limitMs);
    await all(
      () => steadyMs.has("restarted"),
      limitMs,
      () => "what was created after the restart is not steady",
    );
    const restartSeconds = secondsSince(restarted);
    const restartQuietSeconds = await quiet;
    await rest(audit, agent);
    return {
      tool,
      objects: size.objects,
      namespaces: size.namespaces,
      readySeconds,
      createdSeconds,
      steadySeconds,
      latency,
      asked,
      idle,
      atWork,
      atRest,
      restartSeconds,
      restartQuietSeconds,
      restartAsked: askedSince(restartFrom, audit.of(agent)),
      afterRestart: await usageOf(contestant.pid()),
      samples,
    };
  } catch (error) {
    throw new Error(`${tool}: ${error instanceof Error ? error.message : String(error)}\n${await contestant.log()}`, {
      cause: error,
    });
  } finally {
    stop.abort();
  }
}

async function quietSeconds({ isQuiet }: Contestant, since: number, limitMs: number): Promise<number | undefined> {
  if (isQuiet === undefined) return undefined;
  const limit = performance.now() + limitMs;
  while (!(await isQuiet())) {
    if (performance.now() > limit) return undefined;
    await pause(100);
  }
  return secondsSince(since);
}

/** Until it has asked for nothing for a while. */
async function rest(audit: AuditTail, agent: string): Promise<void> {
  const limit = performance.now() + restLimitMs;
  while (performance.now() < limit && performance.now() - (audit.of(agent).lastAt ?? -Infinity) < restMs)
    await pause(250);
}

async function all(holds: () => boolean, limitMs: number, says: () => string): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`not within ${limitMs / 1000} s: ${says()}`);
    await pause(100);
  }
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
