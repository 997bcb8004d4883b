import { ObjectClient } from "../../../src/kube/index.ts";
import { connect } from "../../integration/kube/support.ts";
import { MetricsServer } from "../health/metrics-server.ts";
import { type Row, keep, loads, machine, short } from "../support/report.ts";
import { AuditTail } from "./audit.ts";
import type { Contestant } from "./contestant.ts";
import { secureModels } from "./ours.ts";
import { manyCanaries, manyRollouts } from "./peers.ts";
import { type Trial, tried } from "./trial.ts";

const objects = Number(process.env["BENCH_MODELS"] ?? 1000);
/** Between 100 and 1,000, with ten objects each where that is between. */
const size = { objects, namespaces: Math.min(1_000, Math.max(100, Math.ceil(objects / 10)), objects) };
const tools = (process.env["BENCH_TOOLS"] ?? "rollouts,flagger,ours").split(",");
const aims = { memory: objects <= 1_000 ? 128 : 256, writes: 2, events: 1 };

/** As many objects as there are under each tool, one tool after the other on the same cluster; ours last, beside what the others left. */
export async function scale(): Promise<readonly Row[]> {
  const [transport, server] = [connect(), new MetricsServer()];
  const client = new ObjectClient({ transport });
  const url = `http://127.0.0.1:${await server.start()}`;
  const contestants: Readonly<Record<string, () => Promise<Contestant>>> = {
    rollouts: () => Promise.resolve(manyRollouts(client)),
    flagger: () => Promise.resolve(manyCanaries(client, url)),
    ours: secureModels,
  };
  const audit = new AuditTail(["mlsecops-operator", "argo-rollouts-controller", "flagger"]);
  await audit.start();
  const trials: Trial[] = [];
  try {
    for (const name of tools) {
      const contestant = await contestants[name]?.();
      if (contestant === undefined)
        throw new Error(`BENCH_TOOLS: there is no ${name}: ${Object.keys(contestants).join(", ")}`);
      const spaces = Array.from({ length: size.namespaces }, (_, at) => `scale-${contestant.agent}-${at}`);
      try {
        const trial = await tried(contestant, client, audit, size);
        trials.push(trial);
        // Each at once: what comes after may take long.
        await keep("build/bench", `scale-${name}-${size.objects}`, { machine: machine(), load: loads(), trial });
        process.stdout.write(`${contestant.tool}, load average ${loads()}:\n`);
        for (const { what, of } of figures) process.stdout.write(`  ${what}: ${of(trial)}\n`);
      } finally {
        if (contestant.tool !== "ours") await contestant.stop();
        await contestant.remove(spaces);
      }
    }
    return rowsOf(trials);
  } finally {
    await audit.stop();
    await server.stop();
    transport.close();
  }
}

interface Figure {
  readonly what: string;
  readonly of: (trial: Trial) => string;
  readonly aim?: string;
}

const figures: readonly Figure[] = [
  {
    what: "until all are steady",
    of: (one) => `${short(one.steadySeconds)} s, ${short(one.objects / one.steadySeconds)} a second`,
  },
  {
    what: "one object, p50 and p99",
    of: ({ latency }) => `${short(latency.p50 / 1000)} s, ${short(latency.p99 / 1000)} s`,
  },
  { what: "writes for an object", of: (one) => short(one.asked.writes / one.objects), aim: `<= ${aims.writes}` },
  { what: "Events for an object", of: (one) => short(one.asked.events / one.objects), aim: `<= ${aims.events}` },
  { what: "requests for an object", of: (one) => short(one.asked.requests / one.objects) },
  { what: "processor seconds for 1,000", of: (one) => short((one.atWork.cpu / one.objects) * 1000) },
  {
    what: "memory, at most and at rest",
    of: (one) => `${short(one.atWork.peak)} and ${short(one.atRest.rss)} MiB`,
    aim: `<= ${aims.memory} MiB`,
  },
  { what: "memory after a restart", of: (one) => `${short(one.afterRestart.rss)} MiB`, aim: `<= ${aims.memory} MiB` },
  {
    what: "at rest, of one processor",
    of: ({ idle }) => `${short(idle.cpuPercent)} %; ${short(idle.requests / idle.seconds)} requests a second`,
  },
  {
    what: "restart until a new object is steady",
    of: (one) =>
      `${short(one.restartSeconds)} s${one.restartQuietSeconds === undefined ? "" : `; nothing waits after ${short(one.restartQuietSeconds)} s`}`,
  },
  { what: "requests of a restart", of: ({ restartAsked }) => String(restartAsked.requests) },
];

function rowsOf(trials: readonly Trial[]): readonly Row[] {
  const [ours, others] = [trials.find(({ tool }) => tool === "ours"), trials.filter(({ tool }) => tool !== "ours")];
  return figures.map(({ what, of, aim = "" }, at) => ({
    what: `${size.objects} objects: ${what}`,
    ours: ours === undefined ? "not asked for" : of(ours),
    theirs: others.map((one) => `${one.tool} ${of(one)}`).join("; "),
    aim,
    raw: at === 0 ? { size, trials } : {},
  }));
}
