import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { MODEL_LABEL, REVISION_LABEL } from "../../../src/admission/index.ts";
import { type ModelRevision, type SecureModel, SecureModelSpec } from "../../../src/api/index.ts";
import { Egress } from "../../../src/egress/index.ts";
import { Guardian, type WatchedPod } from "../../../src/health/index.ts";
import { Controller, Metrics, Store, keyOf, sleep, systemClock } from "../../../src/kube/index.ts";
import { silentLog } from "../../integration/kube/support.ts";
import { FakeClient } from "../../support/fake-client.ts";

/**
 * The guardian alone in a process, as the operator runs it, with models in memory and a real metrics server. Prints what it
 * took, as JSON. `guarded.ts` starts it.
 */
const { values } = parseArgs({
  options: {
    url: { type: "string", default: "" },
    models: { type: "string", default: "1000" },
    signals: { type: "string", default: "5" },
    warmUpSeconds: { type: "string", default: "180" },
    seconds: { type: "string", default: "120" },
  },
});
const [count, signals] = [Number(values.models), Number(values.signals)];
const intervalMs = 30_000;
const podsEach = 2;

const models = new Store<SecureModel>();
const revisions = new Store<ModelRevision>();
const pods = new Map<string, readonly WatchedPod[]>();
for (let index = 0; index < count; index++) {
  const [namespace, name] = [`team-${Math.floor(index / 20)}`, `model-${index}`];
  models.put(modelOf(namespace, name));
  revisions.put(revisionOf(namespace, name));
  const own = Array.from({ length: podsEach }, (_, at) => podOf(namespace, name, at));
  pods.set(`${namespace}/${name}`, own);
}

const client = new FakeClient();
const sender = new Egress({ plainHttpHosts: "All", addressCheck: () => undefined });
let [looks, blanks, passes, queries] = [0, 0, 0, 0];
const guardian = new Guardian({
  client,
  models,
  revisions,
  podsOf: (namespace, model) => pods.get(`${namespace}/${model}`) ?? [],
  metricsSender: () => ({
    request: (request) => {
      queries += 1;
      return sender.request(request);
    },
  }),
  podSender: sender,
  onVerdict: () => undefined,
  onLook: (_source, kind) => {
    looks += 1;
    if (kind !== "Value") blanks += 1;
  },
  clock: systemClock,
});
const controller = new Controller({
  name: "health",
  // As in src/operator.
  workers: 32,
  reconcile: async (key, context) => {
    const result = await guardian.reconcile(key, context);
    passes += 1;
    return result;
  },
  log: silentLog(),
  clock: systemClock,
  metrics: new Metrics(),
});

const stop = new AbortController();
const running = controller.run(stop.signal);
for (const model of models.list()) controller.enqueue(keyOf(model));
await sleep(systemClock, Number(values.warmUpSeconds) * 1000, stop.signal);

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
[looks, blanks, passes, queries] = [0, 0, 0, 0];
client.writes.length = 0;
const [cpu, begin] = [process.cpuUsage(), performance.now()];
let peakRss = 0;
let peakHeap = 0;
const sampler = setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage();
  peakRss = Math.max(peakRss, rss);
  peakHeap = Math.max(peakHeap, heapUsed);
}, 250);
await sleep(systemClock, Number(values.seconds) * 1000, stop.signal);
clearInterval(sampler);
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - begin) / 1000;
const states = new Map<string, number>();
for (const model of models.list()) {
  const state = guardian.verdictOf(keyOf(model), `${model.metadata.name}-1`)?.state ?? "None";
  states.set(state, (states.get(state) ?? 0) + 1);
}
const seen = {
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakRss,
  peakHeap,
  looks,
  blanks,
  passes,
  queries,
  writes: client.writes.length,
  loopDelayP99Ms: delay.percentile(99) / 1e6,
  loopDelayMaxMs: delay.max / 1e6,
  states: Object.fromEntries(states),
};
process.stdout.write(`${JSON.stringify(seen)}\n`);
stop.abort();
await running;
await sender.close();

function modelOf(namespace: string, name: string): SecureModel {
  return {
    metadata: { namespace, name, uid: `${namespace}-${name}`, generation: 1 },
    spec: SecureModelSpec.parse({
      source: { oci: { reference: "registry.example/models/iris:v1" } },
      replicas: podsEach,
      workload: {
        managed: {
          template: { spec: { containers: [{ name: "runtime", image: `r.example/r@sha256:${"9".repeat(64)}` }] } },
        },
      },
      health: {
        interval: `${intervalMs / 1000}s`,
        warmUp: "0s",
        prometheus: { url: values.url },
        signals: Array.from({ length: signals }, (_, at) => ({
          name: `signal-${at}`,
          prometheus: { query: `sum(rate(metric_${at}{namespace="$namespace",pod=~"$pods"}[2m]))` },
          max: 0.05,
          resetMax: 0.02,
        })),
      },
    }),
    status: { active: { revision: `${name}-1` } },
  } as SecureModel;
}

function revisionOf(namespace: string, name: string): ModelRevision {
  return {
    metadata: { namespace, name: `${name}-1` },
    spec: { model: name, number: 1, serving: { port: 8080 } },
  } as unknown as ModelRevision;
}

function podOf(namespace: string, name: string, at: number): WatchedPod {
  return {
    metadata: {
      namespace,
      name: `${name}-5d9c7b4f6-${at}`,
      labels: { [MODEL_LABEL]: name, [REVISION_LABEL]: `${name}-1` },
    },
    status: { podIP: "10.0.0.7", conditions: [{ type: "Ready", status: "True" }] },
  };
}
