import { MODEL_LABEL, REVISION_LABEL } from "../../../src/admission/index.ts";
import type { SecureModel } from "../../../src/api/index.ts";
import type { ObjectClient } from "../../../src/kube/index.ts";
import { type Lane, modelName, models } from "../../integration/operator/support/lane.ts";
import { type Contestant, type Moment, intervalMs, reached, readyPods, window } from "./contestant.ts";
import { max, resetMax } from "./traces.ts";

/** A model under the operator. What is rolled out is looked at as what serves, so nothing waits to be promoted. */
export function modelIn(lane: Lane, client: ObjectClient, url: string): Contestant {
  const { name: namespace } = lane;
  const get = () => client.get<SecureModel>(models, { namespace, name: modelName });
  let updated: string | undefined;
  const query = `errors{trace="${namespace}",revision="$revision"}`;
  const spec = {
    health: {
      interval: `${intervalMs / 1000}s`,
      warmUp: "0s",
      prometheus: { url },
      signals: [{ name: "errors", prometheus: { query }, max, resetMax, window }],
    },
  };
  return {
    tool: "ours",
    trace: namespace,
    revision: () => updated,
    prepare: async () => {
      await lane.create();
      await reached("v1 serves", () => lane.serves("v1"), 120_000);
      const object = {
        apiVersion: "mlsecops.io/v1alpha1",
        kind: models.kind,
        metadata: { namespace, name: modelName },
        spec,
      };
      await client.apply(models, object, { fieldManager: "bench" });
      // What was never healthy is not gone back to.
      await reached("v1 is healthy", async () => says(await get(), "Healthy") === "True/SignalsGood", 180_000);
    },
    update: async () => {
      await lane.serve("v2");
      await reached("v2 serves", () => lane.serves("v2"), 120_000);
      updated = (await get())?.status?.active?.revision;
    },
    moment: async (): Promise<Moment> => {
      const model = await get();
      const ready = says(model, "Ready");
      const labels = { [MODEL_LABEL]: modelName, [REVISION_LABEL]: updated ?? "" };
      const newPods = await readyPods(client, namespace, labels);
      return {
        isGivenUp: model?.status?.rollback !== undefined,
        isPromoted: says(model, "Healthy") === "True/SignalsGood" && model?.status?.active?.revision === updated,
        newPods,
        says: `Ready ${ready}, Healthy ${says(model, "Healthy")}`,
      };
    },
  };
}

function says(model: SecureModel | undefined, type: string): string {
  const found = model?.status?.conditions?.find((condition) => condition.type === type);
  return `${found?.status ?? "none"}/${found?.reason ?? "none"}`;
}
