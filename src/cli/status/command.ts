import { selectCluster } from "../cluster.ts";
import { defineCommand } from "../command.ts";
import * as shared from "../options.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export const status = defineCommand({
  name: "status",
  summary: "how all models, namespaces and policies stand, what needs attention first",
  about: `Shows every SecureModel, SecureNamespace and ClusterTrustPolicy in one table: whether it is Ready, what its verdict is and
until when it holds. What needs attention comes first.`,
  positionals: [],
  options: {
    namespace: shared.namespace,
    "all-namespaces": { type: "boolean", short: "A", help: "every namespace" },
    kubeconfig: shared.kubeconfig,
    output: shared.output,
  },
  exits: [
    { status: 0, meaning: "all is Ready" },
    { status: 1, meaning: "something is not Ready" },
    { status: 3, meaning: "nothing is known not to be Ready, but something could not be read" },
  ],
  run: async ({ values, wrong }, io) => {
    if (values["all-namespaces"] && values.namespace !== undefined)
      throw wrong("give --namespace or --all-namespaces, not both");
    const { namespace } = selectCluster(values.kubeconfig, wrong);
    const facts = await gather(values["all-namespaces"] ? undefined : (values.namespace ?? namespace));
    const now = io.now();
    const report = decide(facts, now);
    io.out(values.output === "json" ? json(report) : render(report, now, paintFor(io)));
    return exitStatus(report);
  },
});
