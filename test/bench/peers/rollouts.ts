import { join } from "node:path";
import { type KubeObject, type ObjectClient, type ResourceType, namespaceType } from "../../../src/kube/index.ts";
import { eventually } from "../../integration/kube/support.ts";
import { SimulatedKubelet } from "../../integration/operator/support/simulated-kubelet.ts";
import {
  type Contestant,
  type Moment,
  intervalMs,
  reached,
  readyPods,
  replicas,
  window,
} from "../health/contestant.ts";
import { max } from "../health/traces.ts";
import { PeerProcess, moduleOf } from "./process.ts";
import { kubectl } from "./webhook.ts";

const namespace = "bench-rollouts";
const group = { group: "argoproj.io", version: "v1alpha1", namespaced: true };
const apiVersion = "argoproj.io/v1alpha1";
const rollouts: ResourceType = { ...group, kind: "Rollout", plural: "rollouts" };
const templates: ResourceType = { ...group, kind: "AnalysisTemplate", plural: "analysistemplates" };

interface Rollout extends KubeObject {
  readonly status?: { readonly phase?: string; readonly message?: string; readonly abort?: boolean };
}

/** Its kinds, and its controller as a process. */
export async function startRollouts(client: ObjectClient): Promise<PeerProcess> {
  const crds = join(moduleOf("ARGO_ROLLOUTS_MODULE"), "manifests", "crds");
  const kinds = ["analysis-run", "analysis-template", "cluster-analysis-template", "experiment", "rollout"];
  for (const kind of kinds) await kubectl(["apply", "--server-side", "-f", join(crds, `${kind}-crd.yaml`)]);
  await client.apply<KubeObject>(namespaceType, { metadata: { name: namespace } }, { fieldManager: "bench" });
  await eventually(() => client.list(rollouts, { namespace }));
  const ports = ["--metricsPort=18090", "--healthzPort=18091"];
  return PeerProcess.start("argo-rollouts-controller", ["--leader-elect=false", ...ports]);
}

/** A canary of plain Services with a background analysis, as its documentation begins. */
export function rolloutOf(client: ObjectClient, name: string, options: LaneOptions): Contestant {
  const analysis = {
    apiVersion,
    kind: templates.kind,
    metadata: { namespace, name },
    spec: {
      metrics: [
        {
          name: "errors",
          interval: `${intervalMs / 1000}s`,
          successCondition: `len(result) == 0 || result[0] <= ${max}`,
          failureLimit: window.failures - 1,
          provider: { prometheus: { address: options.url, query: `errors{trace="${name}"}` } },
        },
      ],
    },
  };
  const pause = options.promotes ? { duration: "20s" } : {};
  const rollout = (version: string) => ({
    apiVersion,
    kind: rollouts.kind,
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: podTemplate({ app: name, version, bench: "peer" }),
      strategy: {
        canary: { analysis: { templates: [{ templateName: name }] }, steps: [{ setWeight: 50 }, { pause }] },
      },
    },
  });
  const apply = (type: ResourceType, object: KubeObject) => client.apply(type, object, { fieldManager: "bench" });
  const get = () => client.get<Rollout>(rollouts, { namespace, name });
  return {
    tool: "Argo Rollouts",
    trace: name,
    revision: () => undefined,
    prepare: async () => {
      await apply(templates, analysis);
      await apply(rollouts, rollout("v1"));
      await reached("v1 is healthy", async () => (await get())?.status?.phase === "Healthy", 120_000);
    },
    update: async () => {
      await apply(rollouts, rollout("v2"));
    },
    moment: async (): Promise<Moment> => {
      const { phase = "none", message = "", abort = false } = (await get())?.status ?? {};
      const newPods = await readyPods(client, namespace, { app: name, version: "v2" });
      const isPromoted = phase === "Healthy" && newPods === replicas;
      return { isGivenUp: abort, isPromoted, newPods, says: `${phase}${message === "" ? "" : `: ${message}`}` };
    },
  };
}

export interface LaneOptions {
  /** Of the metrics server. */
  readonly url: string;
  /** The rollout ends by itself, and soon; else it goes on for as long as it is looked at. */
  readonly promotes: boolean;
}

/** A pod that nobody starts: `SimulatedKubelet` says that it runs. */
export function podTemplate(labels: Readonly<Record<string, string>>): object {
  const containers = [{ name: "runtime", image: "registry.test:5000/none:v1", ports: [{ containerPort: 8080 }] }];
  return { metadata: { labels }, spec: { schedulerName: SimulatedKubelet.schedulerName, containers } };
}
