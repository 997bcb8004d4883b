import { execa } from "execa";
import { z } from "zod";
import type { Trace } from "../health/traces.ts";

/** What a tool made of one trace. */
export interface Outcome {
  /** The look, counted from 0, after which it gives the version up; -1 where it never does. */
  readonly at: number;
  /** What it thinks in the end, in its own words. */
  readonly phase: string;
  /** How often it thought something else. */
  readonly changes: number;
  /** How often it asked. */
  readonly looks: number;
}

const Outcomes = z.array(z.object({ at: z.int(), phase: z.string(), changes: z.int(), looks: z.int() }));

export interface RolloutsRules {
  /** Of Argo Rollouts' own language. */
  readonly condition: string;
  readonly failureLimit: number;
}

export interface FlaggerRules {
  readonly max: number;
  readonly threshold: number;
}

/** What Argo Rollouts' background analysis decides of each trace, looked at once in a minute of its clock. */
export function replayRollouts(rules: RolloutsRules, traces: readonly Trace[], promotedAfter = 0) {
  return replay("argo-rollouts-replay", { ...rules, promotedAfter }, traces);
}

/** The same of Flagger's canary analysis. */
export function replayFlagger(rules: FlaggerRules, traces: readonly Trace[], promotedAfter = 0) {
  return replay("flagger-replay", { ...rules, promotedAfter }, traces);
}

async function replay(command: string, rules: object, traces: readonly Trace[]): Promise<readonly Outcome[]> {
  const input = JSON.stringify({ ...rules, traces: traces.map((trace) => trace.map((value) => value ?? null)) });
  const { stdout } = await execa(command, [], { input, maxBuffer: 64 * 1024 * 1024 });
  return Outcomes.parse(JSON.parse(stdout));
}
