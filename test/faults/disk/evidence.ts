import { readdir } from "node:fs/promises";
import { Registry } from "prom-client";
import {
  DirectoryStore,
  EvidenceMetrics,
  Recorder,
  SigningKey,
  verifyEvidence,
} from "../../../src/governance/index.ts";
import { createLogger, systemClock } from "../../../src/kube/index.ts";
import { nobody, objectOf, verdict } from "../../unit/governance/support/build.ts";
import { fill } from "./full.ts";

/** Evidence in a directory whose disk is full, and then is not any more. Prints what became of it. */
async function main(directory: string): Promise<void> {
  const key = SigningKey.generate();
  const store = new DirectoryStore(directory);
  const registry = new Registry();
  const recorder = new Recorder({
    store,
    keys: () => Promise.resolve({ current: key }),
    identity: "operator-0",
    version: "0.1.0",
    clock: systemClock,
    log: createLogger({ level: "silent" }),
    metrics: new EvidenceMetrics(registry),
    random: () => 0,
  });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  const metric = async (line: string): Promise<number> => {
    const text = await registry.metrics();
    const found = text.split("\n").find((one) => one.startsWith(`mlsecops_evidence_${line} `));
    return Number(found?.split(" ")[1] ?? 0);
  };
  const recorded = () => metric('records_total{result="recorded"}');
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  recorder.record(objectOf("aaa"), () => [verdict()]);
  // The key, and that.
  await until(async () => (await recorded()) === 2);
  const giveBack = await fill(directory);
  recorder.record(objectOf("aaa"), () => [verdict("Rejected")]);
  recorder.record(objectOf("bbb"), () => [verdict()]);
  await until(async () => (await metric('records_total{result="failed"}')) >= 3);
  const whileFull = {
    waiting: await metric("pending"),
    sound: (await verifyEvidence({ store, keys: [key.public], signal: nobody })).sound,
  };
  await giveBack();
  await until(async () => (await recorded()) === 4);
  stop.abort();
  await running;
  const { sound, chains } = await verifyEvidence({ store, keys: [key.public], signal: nobody });
  const records = (chain: string) => readdir(`${directory}/${chain}`).then((names) => names.sort());
  const kept = { aaa: await records("aaa"), bbb: await records("bbb") };
  const dropped = await metric('records_total{result="dropped"}');
  process.stdout.write(JSON.stringify({ whileFull, sound, chains: chains.length, kept, dropped }));
}

await main(process.argv[2] ?? "");
