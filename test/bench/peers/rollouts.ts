import { join } from "node:path";
import type { KubeObject, ObjectClient, ResourceType } from "../../../src/kube/index.ts";
import { type Contestant, type Moment, intervalMs, reached, replicas, window } from "../health/contestant.ts";
import { max } from "../health/traces.ts";
import { Ground, type LaneOptions, podTemplate } from "./ground.ts";
import { PeerProcess, moduleOf } from "./process.ts";

const namespace = "bench-rollouts";
const group = { group: "argoproj.io", version: "v1alpha1", namespaced: true };
const apiVersion = "argoproj.io/v1alpha1";
export const rollouts: ResourceType = { ...group, kind: "Rollout", plural: "rollouts" };
const templates: ResourceType = { ...group, kind: "AnalysisTemplate", plural: "analysistemplates" };

interface Rollout extends KubeObject {
  readonly status?: { readonly phase?: string; readonly message?: string; readonly abort?: boolean };
}

/** Its kinds, and its controller as a process. */
export async function startRollouts(client: ObjectClient): Promise<PeerProcess> {
  const crds = join(moduleOf("ARGO_ROLLOUTS_MODULE"), "manifests", "crds");
  const kinds = ["analysis-run", "analysis-template", "cluster-analysis-template", "experiment", "rollout"];
  const files = kinds.map((kind) => join(crds, `${kind}-crd.yaml`));
  await new Ground(client, namespace).install(files, [rollouts, templates]);
  const ports = ["--metricsPort=18090", "--healthzPort=18091"];
  return PeerProcess.start("argo-rollouts-controller", ["--leader-elect=false", ...ports]);
}

/** A canary of plain Services with a background analysis, as its documentation begins. */
export function rolloutOf(client: ObjectClient, name: string, options: LaneOptions): Contestant {
  const ground = new Ground(client, namespace);
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
      template: podTemplate(name, version),
      strategy: {
        canary: { analysis: { templates: [{ templateName: name }] }, steps: [{ setWeight: 50 }, { pause }] },
      },
    },
  });
  const get = () => ground.get<Rollout>(rollouts, name);
  return {
    tool: "Argo Rollouts",
    trace: name,
    revision: () => undefined,
    prepare: async () => {
      await ground.apply(templates, analysis);
      await ground.apply(rollouts, rollout("v1"));
      await reached("v1 is healthy", async () => (await get())?.status?.phase === "Healthy", 120_000);
    },
    update: async () => {
      await ground.apply(rollouts, rollout("v2"));
    },
    moment: async (): Promise<Moment> => {
      const { phase = "none", message = "", abort = false } = (await get())?.status ?? {};
      const newPods = await ground.newPods(name);
      const isPromoted = phase === "Healthy" && newPods === replicas;
      return { isGivenUp: abort, isPromoted, newPods, says: `${phase}${message === "" ? "" : `: ${message}`}` };
    },
  };
}
