const bars = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const middle = bars[3];
/** There was a look, and it had no value. */
const gap = "·";

/** The newest values as bars, at most `width` of them: the lowest one is the lowest bar, the highest the highest. Pure. */
export function sparkline(values: readonly (number | undefined)[], width = 40): string {
  const shown = values.slice(-width);
  const there = shown.filter((value) => value !== undefined);
  const lowest = Math.min(...there);
  const span = Math.max(...there) - lowest;
  const isFlat = !(span > 0 && Number.isFinite(span));
  return shown
    .map((value) => {
      if (value === undefined) return gap;
      return isFlat ? middle : (bars[Math.round(((value - lowest) / span) * (bars.length - 1))] ?? middle);
    })
    .join("");
}
