import { gauss, random } from "../../unit/health/support.ts";

/** A value for each look; undefined where there is no data. */
export type Trace = readonly (number | undefined)[];

/** A share of failed requests: beyond it is bad. */
export const max = 0.05;
/** Up to here it is good again; of the peers none has such a second threshold. */
export const resetMax = 0.02;
export const good = 0.01;
const bad = 0.5;
const deviation = 0.01;

function trace(looks: number, at: (look: number) => number | undefined): Trace {
  return Array.from({ length: looks }, (_, look) => at(look));
}

/** Healthy, and from one look on it fails. */
export function step(looks: number, from: number): Trace {
  return trace(looks, (look) => (look < from ? good : bad));
}

/** It gets a little worse each look, and is bad from one look on. */
export function drift(looks: number, from: number): Trace {
  return trace(looks, (look) => good + ((max - good) * (look + 0.5)) / from);
}

/** Normal noise whose mean is so many standard deviations below the maximum; above it where that is negative. */
export function noise(looks: number, deviations: number, seed: number): Trace {
  const next = random(seed);
  return trace(looks, () => Math.max(0, max - deviation * deviations + deviation * gauss(next)));
}

/** Healthy, but for a while without data. */
export function gap(looks: number, { from, length }: { readonly from: number; readonly length: number }): Trace {
  return trace(looks, (look) => (look >= from && look < from + length ? undefined : good));
}

/** Healthy at first, then bad for some looks, then as low as said for as many, and so on. */
export function oscillation(
  looks: number,
  { from, period, low }: { readonly from: number; readonly period: number; readonly low: number },
): Trace {
  return trace(looks, (look) => (look < from ? good : (look - from) % (2 * period) < period ? 0.12 : low));
}

/** Between the two thresholds: not bad, and not yet good again. */
export const between = 0.03;

/** So many bad looks, then good ones, and so on for ever. */
export function spikes(looks: number, { bad: many, of }: { readonly bad: number; readonly of: number }): Trace {
  return trace(looks, (look) => (look % of >= of - many ? bad : good));
}
