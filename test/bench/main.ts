import { decisions } from "./health/decisions.ts";
import { drain } from "./health/drain.ts";
import { guarded } from "./health/guarded.ts";
import { rollbacks } from "./health/rollbacks.ts";
import { repair } from "./isolation/repair.ts";
import { reachability } from "./reach/reach.ts";
import { scale } from "./scale/scale.ts";
import { keep, loads, machine, tableOf, type Row } from "./support/report.ts";
import { addedAdmissionLatency } from "./trust/admission.ts";
import { cachedVerdicts } from "./trust/cached.ts";
import { coldVerifications } from "./trust/cold.ts";
import { eightContainers } from "./trust/containers.ts";
import { removedKey } from "./trust/revocation.ts";
import { createSetting, type Setting } from "./trust/setting.ts";

const directory = "build/bench";

type Benchmark = (trust: TrustSetting) => Promise<readonly Row[]>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
  cold: signed(coldVerifications),
  cached: signed(cachedVerdicts),
  containers: signed(eightContainers),
  admission: signed(addedAdmissionLatency),
  revocation: signed(removedKey),
  reach: reachability,
  repair,
  decisions,
  guarded,
  rollbacks,
  drain,
  scale,
};

/** One that needs what is signed beforehand. */
function signed(benchmark: (setting: Setting) => Promise<readonly Row[]>): Benchmark {
  return async (trust) => benchmark(await trust.get());
}

/** Made for the first that needs it, since that takes a while. */
class TrustSetting {
  #made: Promise<Setting> | undefined;

  get(): Promise<Setting> {
    return (this.#made ??= createSetting());
  }

  async remove(): Promise<void> {
    await (await this.#made)?.remove();
  }
}

/** Runs the benchmarks that are named, or all, and prints what they saw. A figure that misses its aim is no failure. */
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined)
    throw new Error(`no benchmark is called ${unknown}: ${Object.keys(benchmarks).join(", ")}`);
  const about = machine();
  const rows: Row[] = [];
  const trust = new TrustSetting();
  try {
    for (const [name, benchmark] of Object.entries(benchmarks)) {
      if (names.length > 0 && !names.includes(name)) continue;
      const begin = performance.now();
      const loadBefore = loads();
      const seen = await benchmark(trust);
      const seconds = Math.round((performance.now() - begin) / 1000);
      rows.push(...seen);
      await keep(directory, name, { machine: about, seconds, loadBefore, loadAfter: loads(), rows: seen });
      process.stdout.write(`${name}: ${seconds} s, load average ${loads()}\n${tableOf(seen)}\n\n`);
    }
  } finally {
    await trust.remove();
  }
  const facts = Object.entries(about).map(([what, value]) => `${what}: ${String(value)}`);
  process.stdout.write(`${facts.join("\n")}\n\n${tableOf(rows)}\n`);
  await keep(directory, "all", { machine: about, rows });
}

await main(process.argv.slice(2));
