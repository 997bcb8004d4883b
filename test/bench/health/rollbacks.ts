import { setTimeout as pause } from "node:timers/promises";
import { SimulatedKubelet } from "../../integration/operator/support/simulated-kubelet.ts";
import { Stage } from "../../integration/operator/support/stage.ts";
import { canaryOf, startFlagger } from "../peers/flagger.ts";
import { rolloutOf, startRollouts } from "../peers/rollouts.ts";
import { type Row, loads } from "../support/report.ts";
import { type Contestant, intervalMs, pollMs, reached, replicas, window } from "./contestant.ts";
import { MetricsServer } from "./metrics-server.ts";
import { type Trace, drift, gap, good, noise, oscillation, step } from "./traces.ts";
import { modelIn } from "./own-lane.ts";

/** Of the local cluster's registry: an address of this machine that is not loopback. */
const host = "registry.test";
const looks = 18;
const fault = 2;
const swing = { from: fault, period: 3, low: good };

interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly trace: Trace;
  /** It begins only when the rollout is over. */
  readonly afterPromotion?: boolean;
  /** How often it is tried at the same time, spread over the interval: what is seen depends on when each one looks. */
  readonly times?: number;
}

const scenarios: readonly Scenario[] = [
  { name: "step", what: "step while it is rolled out", trace: step(looks, fault), times: 5 },
  { name: "drift", what: "slow drift, bad from look 6 on", trace: drift(looks, 6) },
  { name: "noise", what: "noise 2 deviations below the maximum", trace: noise(looks, 2, 1) },
  { name: "gap", what: "no data for 12 looks", trace: gap(looks, { from: fault, length: 12 }) },
  { name: "swing", what: "oscillation, 3 looks each way", trace: oscillation(looks, swing) },
  { name: "later", what: "step after promotion", trace: step(looks, fault), afterPromotion: true },
];

/** What was seen of one tool under one trace. Times in milliseconds, of when the trace began. */
interface Seen {
  readonly scenario: string;
  readonly tool: Contestant["tool"];
  readonly givenUpMs: number | undefined;
  /** No pod of the new version is ready any more. */
  readonly movedMs: number | undefined;
  /** How often it gave it up, or took it back. */
  readonly changes: number;
  /** How often it asked for the values meanwhile. */
  readonly asked: number;
  /** What it said half-way through the trace, and in the end. */
  readonly midway: string;
  readonly end: string;
  /** Why there is nothing else. */
  readonly problem?: string;
}

/** The same traces under the operator, Argo Rollouts and Flagger, on one cluster and at the same time. */
export async function rollbacks(): Promise<readonly Row[]> {
  const [stage, server] = [new Stage(), new MetricsServer()];
  const url = `http://${host}:${await server.start()}`;
  await stage.set();
  const { admin, transport } = stage.installation;
  const kubelet = new SimulatedKubelet(transport, "bench=peer");
  const operator = await stage.operator({ args: [`--plain-http-metrics=${host}`] });
  const peers = [await startRollouts(admin), await startFlagger(admin, url)];
  try {
    const tries = scenarios.flatMap((scenario) => {
      const times = scenario.times ?? 1;
      return Array.from({ length: times }, (_, at) => ({ scenario, at, lateMs: (at * intervalMs) / times }));
    });
    const lanes = stage.lanes(tries.length);
    const seen = await Promise.all(
      tries.flatMap(({ scenario, at, lateMs }, index) => {
        const lane = lanes[index];
        if (lane === undefined) throw new Error("unreachable");
        const options = { url, promotes: scenario.afterPromotion === true };
        const contestants = [
          modelIn(lane, admin, url),
          rolloutOf(admin, `rollout-${scenario.name}-${at}`, options),
          canaryOf(admin, `canary-${scenario.name}-${at}`, options),
        ];
        return contestants.map((contestant) => tried(scenario, contestant, server, lateMs));
      }),
    );
    return scenarios.map((scenario) =>
      rowOf(
        scenario,
        seen.filter((one) => one.scenario === scenario.name),
      ),
    );
  } catch (error) {
    const logs = await Promise.all(peers.map((peer) => peer.log()));
    throw new Error([operator.log, ...logs].join("\n---\n"), { cause: error });
  } finally {
    kubelet.stop();
    await Promise.all(peers.map((peer) => peer.stop()));
    await operator.kill();
    await stage.strike();
    await server.stop();
  }
}

/** One that fails is reported, and costs none of the others. */
async function tried(scenario: Scenario, contestant: Contestant, server: MetricsServer, lateMs: number): Promise<Seen> {
  try {
    return await run(scenario, contestant, server, lateMs);
  } catch (error) {
    const { says } = await contestant.moment();
    const problem = `${error instanceof Error ? error.message : String(error)}; ${says}`;
    const none = { givenUpMs: undefined, movedMs: undefined, changes: 0, asked: 0, midway: "", end: "" };
    return { scenario: scenario.name, tool: contestant.tool, ...none, problem };
  }
}

async function run(scenario: Scenario, contestant: Contestant, server: MetricsServer, lateMs: number): Promise<Seen> {
  await contestant.prepare();
  await contestant.update();
  const isReady = async (): Promise<boolean> => {
    const { newPods, isPromoted } = await contestant.moment();
    return scenario.afterPromotion === true ? isPromoted : newPods > 0;
  };
  await reached("v2 is there", isReady, 300_000);
  await pause(lateMs);
  const { trace } = scenario;
  const begin = performance.now();
  server.play(contestant.trace, trace, intervalMs, contestant.revision());
  let givenUpMs: number | undefined;
  let movedMs: number | undefined;
  let [isGivenUp, changes, midway, end] = [false, 0, "", ""];
  while (performance.now() - begin < trace.length * intervalMs) {
    const moment = await contestant.moment();
    const at = performance.now() - begin;
    if (moment.isGivenUp !== isGivenUp) [isGivenUp, changes] = [moment.isGivenUp, changes + 1];
    if (moment.isGivenUp) givenUpMs ??= at;
    if (givenUpMs !== undefined && moment.newPods === 0) movedMs ??= at;
    end = moment.says;
    if (at < (trace.length * intervalMs) / 2) midway = end;
    await pause(pollMs);
  }
  const asked = server.askedSince(contestant.trace, begin);
  return { scenario: scenario.name, tool: contestant.tool, givenUpMs, movedMs, changes, asked, midway, end };
}

function rowOf({ name, what, trace }: Scenario, seen: readonly Seen[]): Row {
  const from = faultOf(name);
  const describe = (tool: Contestant["tool"]): string => {
    const tries = seen.filter((one) => one.tool === tool);
    const problem = tries.find((one) => one.problem !== undefined)?.problem;
    if (problem !== undefined) return `not measured: ${problem}`;
    if (tries.every(({ givenUpMs }) => givenUpMs === undefined))
      return tries
        .map(({ midway, end, asked }) => `goes on; half-way ${midway}, in the end ${end}; asked ${asked} times`)
        .join("; ");
    const after = (times: readonly (number | undefined)[]): string =>
      spread(times.map((ms) => (ms === undefined ? undefined : ms - from)));
    const [givenUp, moved] = [after(tries.map((one) => one.givenUpMs)), after(tries.map((one) => one.movedMs))];
    const changes = Math.max(...tries.map((one) => one.changes));
    return `given up after ${givenUp}, its last pod gone after ${moved}, ${changes} change(s)`;
  };
  return {
    what: `${what}, ${trace.length} looks`,
    ours: describe("ours"),
    theirs: `Argo Rollouts: ${describe("Argo Rollouts")}; Flagger: ${describe("Flagger")}`,
    aim: name === "swing" ? "<= 1 change" : "none",
    raw: { seen, intervalMs, window, replicas, from, load: loads() },
  };
}

/** The median, and the extremes where there are several. */
function spread(times: readonly (number | undefined)[]): string {
  const found = times.filter((ms) => ms !== undefined).toSorted((a, b) => a - b);
  const seconds = (ms: number | undefined): string => `${((ms ?? NaN) / 1000).toFixed(1)} s`;
  if (found.length < times.length) return `${found.map(seconds).join(", ")} and ${times.length - found.length} never`;
  const median = seconds(found[Math.floor(found.length / 2)]);
  return found.length === 1 ? median : `${median} (${seconds(found[0])} to ${seconds(found.at(-1))})`;
}

/** When the values turn bad, in milliseconds since the trace began; where they never do, its beginning. */
function faultOf(name: string): number {
  switch (name) {
    case "step":
    case "later":
    case "gap":
    case "swing":
      return fault * intervalMs;
    case "drift":
      return 6 * intervalMs;
    default:
      return 0;
  }
}
