import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ApiServer } from "./api-server.ts";
import type { Contestant } from "./contestant.ts";
import { trial, type Outcome } from "./trial.ts";

export interface Trials {
  readonly contestant: string;
  readonly outcomes: readonly Outcome[];
  readonly seconds: number;
  /** How late timers of this process were, at the 99th percentile, in milliseconds: the machine's part in the figures. */
  readonly lagMs: number;
}

export interface Plan {
  readonly firstSeed: number;
  readonly count: number;
  readonly atOnce: number;
}

const warmingUp = 20;

/** Plays the schedules of many seeds to one contestant, some at once. */
export async function runTrials(contestant: Contestant, { firstSeed, count, atOnce }: Plan): Promise<Trials> {
  const server = await ApiServer.start();
  const directory = mkdtempSync(join(tmpdir(), "faults-"));
  const before = process.env["KUBECONFIG"];
  // One of them reads no other.
  writeFileSync(join(directory, "kubeconfig"), server.kubeConfig().exportConfig());
  process.env["KUBECONFIG"] = join(directory, "kubeconfig");
  // What is run for the first time is slow, and says nothing of who is tried.
  await Promise.all(Array.from({ length: warmingUp }, (_, seed) => trial(seed, contestant, server)));
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const begin = performance.now();
  const outcomes: Outcome[] = [];
  let next = firstSeed;
  const lane = async (_: unknown, index: number) => {
    // Not all in step.
    await new Promise((resolve) => setTimeout(resolve, index * 50));
    while (next < firstSeed + count) {
      const seed = next;
      next += 1;
      outcomes.push(await trial(seed, contestant, server));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, count) }).map(lane));
  } finally {
    lag.disable();
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
    rmSync(directory, { recursive: true });
    await server.close();
  }
  const seconds = (performance.now() - begin) / 1_000;
  return { contestant: contestant.name, outcomes, seconds, lagMs: lag.percentile(99) / 1e6 - 10 };
}
