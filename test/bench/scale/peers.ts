import { type KubeObject, type ObjectClient, deploymentType } from "../../../src/kube/index.ts";
import { canaries, startFlagger } from "../peers/flagger.ts";
import type { PeerProcess } from "../peers/process.ts";
import { rollouts, startRollouts } from "../peers/rollouts.ts";
import { type Contestant, createNamespaces, removeNamespaces, simulated } from "./contestant.ts";

interface WithPhase extends KubeObject {
  readonly status?: { readonly phase?: string };
}

/** Flagger's default. */
const itsOwnLoop = "10s";

/** As many Rollouts of one pod. They verify, isolate and grant nothing, and need no Service. */
export function manyRollouts(client: ObjectClient): Contestant {
  return {
    tool: "Argo Rollouts",
    agent: "argo-rollouts-controller",
    type: rollouts,
    ...peer(client, () => startRollouts(client), "Healthy"),
    create: async (namespace, name) => {
      await client.apply<KubeObject>(
        rollouts,
        {
          apiVersion: "argoproj.io/v1alpha1",
          kind: rollouts.kind,
          metadata: { namespace, name },
          spec: {
            replicas: 1,
            selector: { matchLabels: { app: name } },
            template: podTemplate(name),
            strategy: { canary: { steps: [{ setWeight: 50 }] } },
          },
        } as KubeObject,
        { fieldManager: "bench" },
      );
    },
  };
}

/** As many Canaries of a Deployment of one pod, each with what its documentation begins with. */
export function manyCanaries(client: ObjectClient, metricsUrl: string): Contestant {
  return {
    tool: "Flagger",
    agent: "flagger",
    type: canaries,
    ...peer(client, () => startFlagger(client, metricsUrl, itsOwnLoop), "Initialized"),
    create: async (namespace, name) => {
      await client.apply<KubeObject>(
        deploymentType,
        {
          apiVersion: "apps/v1",
          kind: deploymentType.kind,
          metadata: { namespace, name },
          spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: podTemplate(name) },
        } as KubeObject,
        { fieldManager: "bench" },
      );
      await client.apply<KubeObject>(
        canaries,
        {
          apiVersion: "flagger.app/v1beta1",
          kind: canaries.kind,
          metadata: { namespace, name },
          spec: {
            targetRef: { apiVersion: "apps/v1", kind: deploymentType.kind, name },
            service: { port: 8080 },
            analysis: { interval: "1m", threshold: 5, iterations: 10 },
          },
        } as KubeObject,
        { fieldManager: "bench" },
      );
    },
  };
}

function podTemplate(app: string): object {
  const containers = [{ name: "runtime", image: "registry.test:5000/none:v1", ports: [{ containerPort: 8080 }] }];
  return { metadata: { labels: { app } }, spec: { containers, ...simulated } };
}

function peer(client: ObjectClient, launch: () => Promise<PeerProcess>, steady: string) {
  let process: PeerProcess | undefined;
  const running = (): PeerProcess => {
    if (process === undefined) throw new Error("it was not started");
    return process;
  };
  return {
    prepare: (spaces: readonly string[]) => createNamespaces(client, spaces),
    start: async () => {
      process = await launch();
    },
    ready: () => Promise.resolve(),
    pid: () => running().pid,
    isSteady: (object: KubeObject) => (object as WithPhase).status?.phase === steady,
    stop: () => running().stop(),
    log: () => running().log(),
    remove: (spaces: readonly string[]) => removeNamespaces(client, spaces),
  };
}
