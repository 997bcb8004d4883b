import { join } from "node:path";
import { type KubeObject, type ObjectClient, type ResourceType, deploymentType } from "../../../src/kube/index.ts";
import { type Contestant, type Moment, intervalMs, reached, replicas, window } from "../health/contestant.ts";
import { max } from "../health/traces.ts";
import { Ground, type LaneOptions, podTemplate } from "./ground.ts";
import { PeerProcess, moduleOf } from "./process.ts";

const namespace = "bench-flagger";
const group = { group: "flagger.app", version: "v1beta1", namespaced: true };
const apiVersion = "flagger.app/v1beta1";
export const canaries: ResourceType = { ...group, kind: "Canary", plural: "canaries" };
const templates: ResourceType = { ...group, kind: "MetricTemplate", plural: "metrictemplates" };

interface Canary extends KubeObject {
  readonly status?: { readonly phase?: string; readonly failedChecks?: number; readonly iterations?: number };
}

/** Its kinds, and its controller as a process, for plain Services. `loop`: how often it looks which Canaries there are. */
export async function startFlagger(client: ObjectClient, url: string, loop = "2s"): Promise<PeerProcess> {
  const crds = join(moduleOf("FLAGGER_MODULE"), "artifacts", "flagger", "crd.yaml");
  await new Ground(client, namespace).install([crds], [canaries, templates]);
  const args = ["-mesh-provider=kubernetes", `-metrics-server=${url}`, "-port=18080", `-control-loop-interval=${loop}`];
  return PeerProcess.start("flagger", [...args, `-kubeconfig=${process.env["KUBECONFIG"] ?? ""}`]);
}

/** Blue and green, which is what it does with plain Services: the new version has no traffic until it is promoted. */
export function canaryOf(client: ObjectClient, name: string, options: LaneOptions): Contestant {
  const ground = new Ground(client, namespace);
  const deployment = (version: string) => ({
    apiVersion: "apps/v1",
    kind: deploymentType.kind,
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name, version),
    },
  });
  const metric = {
    apiVersion,
    kind: templates.kind,
    metadata: { namespace, name },
    spec: { provider: { type: "prometheus", address: options.url }, query: `errors{trace="${name}"}` },
  };
  const canary = {
    apiVersion,
    kind: canaries.kind,
    metadata: { namespace, name },
    spec: {
      targetRef: { apiVersion: "apps/v1", kind: deploymentType.kind, name },
      service: { port: 8080 },
      analysis: {
        interval: `${intervalMs / 1000}s`,
        threshold: window.failures,
        iterations: options.promotes ? 1 : 100,
        metrics: [{ name: "errors", interval: "1m", thresholdRange: { max }, templateRef: { name } }],
      },
    },
  };
  const get = () => ground.get<Canary>(canaries, name);
  return {
    tool: "Flagger",
    trace: name,
    revision: () => undefined,
    prepare: async () => {
      await ground.apply(deploymentType, deployment("v1"));
      await ground.apply(templates, metric);
      await ground.apply(canaries, canary);
      await reached("v1 is healthy", async () => (await get())?.status?.phase === "Initialized", 180_000);
    },
    update: async () => {
      // Its replicas are Flagger's now.
      const version = [{ op: "replace" as const, path: "/spec/template/metadata/labels/version", value: "v2" }];
      await client.patchJson(deploymentType, { namespace, name }, version);
    },
    moment: async (): Promise<Moment> => {
      const { phase = "none", failedChecks = 0, iterations = 0 } = (await get())?.status ?? {};
      const newPods = await ground.newPods(name);
      const says = `${phase}, ${failedChecks} failed checks, iteration ${iterations}`;
      return { isGivenUp: phase === "Failed", isPromoted: phase === "Succeeded", newPods, says };
    },
  };
}
