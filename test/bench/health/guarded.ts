import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { type Row, short } from "../support/report.ts";
import { MetricsServer } from "./metrics-server.ts";

const models = Number(process.env["BENCH_MODELS"] ?? 1000);
const signals = 5;
const program = fileURLToPath(new URL("./guarded-process.ts", import.meta.url));

const Seen = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  peakRss: z.number(),
  peakHeap: z.number(),
  looks: z.number(),
  blanks: z.number(),
  passes: z.number(),
  queries: z.number(),
  writes: z.number(),
  loopDelayP99Ms: z.number(),
  loopDelayMaxMs: z.number(),
  states: z.record(z.string(), z.number()),
});
type Seen = z.output<typeof Seen>;

/** What it costs to look at many models for as long as they serve. */
export async function guarded(): Promise<readonly Row[]> {
  const idle = await run(0);
  const seen = await run(models);
  return [
    {
      what: `${models} models watched, ${signals} signals each, every 30 s`,
      ours: describe(seen, idle),
      theirs: "not measured: neither looks at anything after the rollout",
      aim: "none",
      raw: { seen, idle },
    },
  ];
}

function describe(seen: Seen, idle: Seen): string {
  const mib = (bytes: number): string => `${short(bytes / 1024 ** 2)} MiB`;
  const share = (of: Seen): string => short((100 * of.cpuSeconds) / of.seconds);
  const states = Object.entries(seen.states).map(([state, count]) => `${count} ${state}`);
  return [
    `${share(seen)} % of a processor (${share(idle)} % with none)`,
    `${mib(seen.peakRss)} resident, ${mib(seen.peakHeap)} of it heap (${mib(idle.peakRss)} and ${mib(idle.peakHeap)} with none)`,
    `${short(seen.looks / seen.seconds)} looks by ${short(seen.queries / seen.seconds)} queries a second, ${seen.blanks} without a value`,
    `${seen.writes} writes in ${Math.round(seen.seconds)} s`,
    `event loop late p99 ${short(seen.loopDelayP99Ms)} ms, max ${short(seen.loopDelayMaxMs)} ms`,
    states.join(", "),
  ].join("; ");
}

async function run(count: number): Promise<Seen> {
  const server = new MetricsServer();
  const port = await server.start();
  try {
    const args = [`--url=http://127.0.0.1:${port}`, `--models=${count}`, `--signals=${signals}`];
    const times = count === 0 ? ["--warmUpSeconds=2", "--seconds=10"] : [];
    const command = [...process.execArgv, program, ...args, ...times];
    const { stdout } = await execa(process.execPath, command, { stderr: "inherit" });
    return Seen.parse(JSON.parse(stdout));
  } finally {
    await server.stop();
  }
}
