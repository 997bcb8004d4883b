// 100,000 models on 50 clusters, by arithmetic and by a small simulation: node test/bench/scale/fleet.ts RUN.json
// RUN.json is what `test/bench/run scale` has kept of ours: what one model costs is taken from there. The same file gives the
// same numbers, always.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Trial } from "./trial.ts";

const fleet = { models: 100_000, clusters: 50, namespaces: 10_000 };
/** How namespaces differ in size. */
const spread = [1, 10, 100];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: fleet.ts RUN.json");
const { trial } = JSON.parse(readFileSync(file, "utf8")) as { readonly trial: Trial };
const first = trial.samples[0];
if (first === undefined) throw new Error(`${file} has no samples`);
const cost = {
  requests: trial.asked.requests / trial.objects,
  cpuSeconds: (trial.atWork.cpu - first.cpu) / trial.objects,
  perSecond: trial.objects / trial.steadySeconds,
  baseMiB: first.rss,
  modelMiB: Math.max(0, trial.atWork.rss - first.rss) / trial.objects,
};

/** Where a namespace lives: of all clusters the one that ranks highest for it, so that few move when a cluster is added. */
function clusterOf(namespace: string, clusters: number): number {
  let [best, rank] = [0, ""];
  for (let cluster = 0; cluster < clusters; cluster++) {
    const own = createHash("sha256").update(`${namespace}/${cluster}`).digest("hex");
    if (own > rank) [best, rank] = [cluster, own];
  }
  return best;
}

/** Models of each cluster, where namespaces differ in size as 1, 10 and 100 do, as often each. */
function loadsOf(clusters: number, even: boolean): readonly number[] {
  const loads = Array<number>(clusters).fill(0);
  const weights = Array.from({ length: fleet.namespaces }, (_, at) => (even ? 1 : (spread[at % spread.length] ?? 1)));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, weight] of weights.entries()) {
    const cluster = clusterOf(`tenant-${at}`, clusters);
    loads[cluster] = (loads[cluster] ?? 0) + (fleet.models * weight) / whole;
  }
  return loads;
}

const lines: string[] = [];
for (const even of [true, false]) {
  const loads = loadsOf(fleet.clusters, even);
  const [most, least] = [Math.max(...loads), Math.min(...loads)];
  const seconds = most / cost.perSecond;
  lines.push(
    `namespaces ${even ? "of one size" : "of sizes 1, 10 and 100"}: ${Math.round(least)} to ${Math.round(most)} models in a cluster (mean ${fleet.models / fleet.clusters})`,
    `  the fullest: steady after ${Math.round(seconds)} s from nothing, ${Math.round(most * cost.requests)} requests, ${Math.round(most * cost.cpuSeconds)} s of one processor, ${Math.round(cost.baseMiB + most * cost.modelMiB)} MiB`,
  );
}
const before = Array.from({ length: fleet.namespaces }, (_, at) => clusterOf(`tenant-${at}`, fleet.clusters));
const moved = before.filter((cluster, at) => clusterOf(`tenant-${at}`, fleet.clusters + 1) !== cluster).length;
lines.push(
  `a cluster more: ${moved} of ${fleet.namespaces} namespaces move (${(fleet.namespaces / (fleet.clusters + 1)).toFixed(0)} at best)`,
);
lines.push(
  `all of it in one cluster: ${Math.round(fleet.models / cost.perSecond / 60)} min from nothing, ${Math.round(cost.baseMiB + fleet.models * cost.modelMiB)} MiB`,
);
process.stdout.write(`${JSON.stringify(cost)}\n${lines.join("\n")}\n`);
