const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of a length of time in Go's notation, such as "1h30m"; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !/^(?:\d+(?:ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    total += Number(amount) * unitMs[unit as keyof typeof unitMs];
  }
  // Beyond what a Date can hold, a sum would be NaN somewhere later.
  return Math.min(total, maxDurationMs);
}

/** A hundred years. */
const maxDurationMs = 100 * 365 * 24 * unitMs.h;

/** As a person would say it: "90s" is not "1m30s" but "90 s". */
export function formatDuration(ms: number): string {
  if (ms >= 48 * unitMs.h) return `${Math.round(ms / (24 * unitMs.h))} d`;
  if (ms >= 2 * unitMs.h) return `${Math.round(ms / unitMs.h)} h`;
  if (ms >= 2 * unitMs.m) return `${Math.round(ms / unitMs.m)} min`;
  return `${Math.round(ms / unitMs.s)} s`;
}
