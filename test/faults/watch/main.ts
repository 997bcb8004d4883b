import { mkdir, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { clientNode } from "./client-node.ts";
import { fluentClient } from "./fluent-client.ts";
import { ours } from "./ours.ts";
import { complaintsOf, figuresOf, tableOf } from "./summary.ts";
import { runTrials, type Trials } from "./trials.ts";

const contestants = { ours, "fluent-client": fluentClient, "client-node": clientNode };
const directory = "build/faults";

/** Plays the same schedules to all, or to those that are named, and prints what was seen. Only ours has to be right. */
async function main(names: readonly string[]): Promise<void> {
  const plan = {
    firstSeed: Number(process.env["FAULTS_SEED"] ?? 1),
    count: Number(process.env["FAULTS_SCHEDULES"] ?? 10_000),
    atOnce: Number(process.env["FAULTS_AT_ONCE"] ?? 40),
  };
  const all: Trials[] = [];
  await mkdir(directory, { recursive: true });
  for (const [name, contestant] of Object.entries(contestants)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const trials = await runTrials(contestant, plan);
    all.push(trials);
    const { outcomes, seconds, lagMs } = trials;
    const load = loadavg().map((one) => one.toFixed(1));
    process.stdout.write(
      `${contestant.name}: ${seconds.toFixed(0)} s, timers late by ${lagMs.toFixed(0)} ms (p99), load average ${load.join(" ")}\n`,
    );
    const content = { plan, seconds, lagMs, load, figures: figuresOf(outcomes), outcomes };
    await writeFile(`${directory}/watch-${name}.json`, `${JSON.stringify(content)}\n`);
  }
  process.stdout.write(`${tableOf(all)}\n`);
  const complaints = complaintsOf(all.find(({ contestant }) => contestant === ours.name)?.outcomes ?? [], 2_000);
  for (const complaint of complaints.slice(0, 20)) process.stdout.write(`${complaint}\n`);
  if (complaints.length > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
// A watcher that cannot be stopped while it waits for an answer shall not keep the process.
process.exit();
