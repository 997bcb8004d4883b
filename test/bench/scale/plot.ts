// Draws how cost grows as work grows: node test/bench/scale/plot.ts RUN.json... > docs/perf/scale.svg
// Each RUN.json is what `test/bench/run scale` has kept of one tool: build/bench/scale-TOOL-OBJECTS.json.
import { readFileSync } from "node:fs";
import type { Sample, Trial } from "./trial.ts";

const panels: readonly (readonly [title: string, unit: string, of: (sample: Sample) => number])[] = [
  ["time", "seconds", (sample) => sample.seconds],
  ["requests to the API server", "requests", (sample) => sample.requests],
  ["memory (RSS)", "MiB", (sample) => sample.rss],
  ["processor time", "seconds", (sample) => sample.cpu],
];
const colours = ["#1f6feb", "#d1242f", "#8250df", "#1a7f37", "#9a6700"];
const [width, height, gap, margin] = [360, 220, 60, 56];

const trials = process.argv
  .slice(2)
  .map((file) => (JSON.parse(readFileSync(file, "utf8")) as { readonly trial: Trial }).trial);
if (trials.length === 0) throw new Error("usage: plot.ts RUN.json...");
const most = Math.max(...trials.map(({ objects }) => objects));

const drawn = panels.map(([title, unit, of], at) => {
  const [left, top] = [margin + (at % 2) * (width + gap + margin), margin + Math.floor(at / 2) * (height + gap)];
  const highest = niceAbove(Math.max(...trials.flatMap(({ samples }) => samples.map(of))));
  const x = (steady: number): string => (left + (steady / most) * width).toFixed(1);
  const y = (value: number): string => (top + height - (value / highest) * height).toFixed(1);
  const lines = trials.map(({ samples }, index) => {
    const points = samples.map((sample) => `${x(sample.steady)},${y(of(sample))}`).join(" ");
    return `<polyline fill="none" stroke="${colours[index % colours.length]}" stroke-width="2" points="${points}"/>`;
  });
  const grid = [0, 0.5, 1].map(
    (share) =>
      `<line x1="${left}" x2="${left + width}" y1="${y(share * highest)}" y2="${y(share * highest)}" stroke="#d0d7de"/>` +
      `<text x="${left - 6}" y="${Number(y(share * highest)) + 4}" text-anchor="end">${share * highest}</text>`,
  );
  const ends =
    `<text x="${left}" y="${top + height + 16}">0</text>` +
    `<text x="${left + width}" y="${top + height + 16}" text-anchor="end">${most} objects steady</text>`;
  return `<text x="${left}" y="${top - 10}" font-weight="bold">${title}, ${unit}</text>${grid.join("")}${lines.join("")}${ends}`;
});
const bottom = margin + 2 * (height + gap);
const legend = trials.map(({ tool, objects }, index) => {
  const left = margin + index * 200;
  const line = `<line x1="${left}" x2="${left + 24}" y1="${bottom - 4}" y2="${bottom - 4}" stroke="${colours[index % colours.length]}" stroke-width="2"/>`;
  return `${line}<text x="${left + 30}" y="${bottom}">${tool}, ${objects}</text>`;
});
const whole = { width: 2 * (width + gap + margin), height: bottom + 20 };
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.width} ${whole.height}" font-family="sans-serif" font-size="12" fill="#1f2328">` +
    `<rect width="100%" height="100%" fill="#ffffff"/>${[...drawn, ...legend].join("")}</svg>\n`,
);

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10);
}
