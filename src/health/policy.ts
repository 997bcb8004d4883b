/** What a value may be. Beyond `min` and `max` it is bad; inside of `resetMin` and `resetMax` it is good again. */
export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** At least `min`; the same where it is absent. */
  readonly resetMin?: number | undefined;
  /** At most `max`; the same where it is absent. */
  readonly resetMax?: number | undefined;
}

/** A revision's values beside those of the one that served before it. */
export interface Comparison {
  /** Which direction is bad. */
  readonly worse: "Higher" | "Lower";
  /** The median must be worse by this share of the other one's median: 0.1 is a tenth. */
  readonly tolerance: number;
  /** The chance of being wrong that is accepted for one look. */
  readonly significance: number;
  /** Of how many of its newest values each side is made. */
  readonly looks: number;
}

/** A signal trips when `failures` of the newest `looks` are bad, and resets when all of the newest `looks` are good. */
export interface Window {
  readonly looks: number;
  readonly failures: number;
}

export interface SignalPolicy {
  readonly name: string;
  readonly bounds?: Bounds | undefined;
  readonly comparison?: Comparison | undefined;
  readonly window: Window;
  /** What a look without a value is: Hold keeps everything as it is, Fail counts it as bad. It is never good. */
  readonly onNoData: "Hold" | "Fail";
}

/** How the health of a model's revisions is judged. Times in milliseconds. */
export interface HealthPolicy {
  /** Between two looks. */
  readonly intervalMs: number;
  /** After all pods of a revision were ready for the first time: looks in it do not count. */
  readonly warmUpMs: number;
  /** How long a pod may take to become ready. */
  readonly startupDeadlineMs: number;
  /** A container that was restarted so often, and within ten minutes, fails. */
  readonly maxRestarts: number;
  readonly signals: readonly SignalPolicy[];
}

/** How many looks of a signal are kept. */
export function capacityOf({ window, comparison }: Pick<SignalPolicy, "window" | "comparison">): number {
  return Math.min(MAX_LOOKS, Math.max(window.looks, comparison?.looks ?? 0));
}

/** Of one signal. */
export const MAX_LOOKS = 60;
export const MAX_SIGNALS = 16;
