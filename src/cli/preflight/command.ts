import { selectCluster } from "../cluster.ts";
import { defineCommand } from "../command.ts";
import * as shared from "../options.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export const preflight = defineCommand({
  name: "preflight",
  summary: "says whether the cluster that KUBECONFIG names can run the operator",
  about: "Says what a cluster lacks to run the operator. It changes nothing there.",
  positionals: [],
  options: {
    kubeconfig: shared.kubeconfig,
    "without-nodes": {
      type: "boolean",
      help: "leave out what only pods need: container runtime, DNS, network policies",
    },
  },
  exits: [
    { status: 0, meaning: "nothing lacks" },
    { status: 1, meaning: "something lacks" },
    { status: 3, meaning: "nothing is known to lack, but something could not be told" },
  ],
  run: async ({ values, wrong }, { out }) => {
    const { kubeConfig } = selectCluster(values.kubeconfig, wrong);
    out(`cluster ${kubeConfig.getCurrentCluster()?.server ?? "(the kubeconfig names none)"}\n\n`);
    const checks = decide(await gather(), { nodes: !values["without-nodes"] });
    out(render(checks));
    return exitStatus(checks);
  },
});
