import {
  type HealthPolicy,
  type HealthRecord,
  type HealthVerdict,
  type Look,
  type PodFinding,
  type SignalPolicy,
  decideHealth,
  emptyRecord,
  noteLook,
  notePods,
  recordOf,
  valueLook,
} from "../../../src/health/index.ts";

export const second = 1_000;
export const start = Date.parse("2026-01-01T00:00:00Z");
export const ready: PodFinding = { state: "Ready", ready: 1, wanted: 1 };

export function signal(part: Partial<SignalPolicy> = {}): SignalPolicy {
  return {
    name: "errors",
    bounds: { max: 0.05, resetMax: 0.02 },
    window: { looks: 5, failures: 3 },
    onNoData: "Hold",
    ...part,
  };
}

export function policy(part: Partial<HealthPolicy> = {}): HealthPolicy {
  return {
    intervalMs: 30 * second,
    warmUpMs: 60 * second,
    startupDeadlineMs: 600 * second,
    maxRestarts: 5,
    signals: [signal()],
    ...part,
  };
}

/** Feeds a trace to one revision, a look an interval, and gives the verdict after each. */
export class Guardian {
  record: HealthRecord = emptyRecord;
  now = start;
  readonly policy: HealthPolicy;
  readonly revision: string;
  readonly baseline: string | undefined;

  constructor(rules: HealthPolicy = policy({ warmUpMs: 0 }), revision = "iris-b", baseline?: string) {
    this.policy = rules;
    this.revision = revision;
    this.baseline = baseline;
  }

  look(look: Look | number | undefined, pods: PodFinding = ready): HealthVerdict {
    this.now += this.policy.intervalMs;
    const now = new Date(this.now);
    this.record = notePods(this.record, this.revision, pods, now);
    if (look !== undefined)
      for (const one of this.policy.signals) {
        const seen = {
          policy: one,
          look: typeof look === "number" ? valueLook(look) : look,
          intervalMs: this.policy.intervalMs,
        };
        this.record = noteLook(this.record, this.revision, seen, { now, baseline: this.baseline });
      }
    return this.judge(pods);
  }

  judge(pods: PodFinding = ready): HealthVerdict {
    return decideHealth(recordOf(this.record, this.revision), pods, this.policy, new Date(this.now));
  }

  states(trace: readonly (Look | number | undefined)[]): readonly string[] {
    return trace.map((look) => this.look(look).state);
  }
}

/** Numbers between 0 and 1 that are the same in every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A value of the standard normal distribution. */
export function gauss(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}
