import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  ...shared.cluster,
  "without-nodes": {
    type: "boolean",
    help: "leave out what only pods need: container runtime, DNS, network policies",
  },
} as const satisfies Options;

export const preflight = defineCommand({
  name: "preflight",
  summary: "says whether the cluster that KUBECONFIG names can run the operator",
  about: "Says what a cluster lacks to run the operator. It changes nothing there.",
  positionals: [],
  options,
  exits: [
    { status: 0, meaning: "nothing lacks" },
    { status: 1, meaning: "something lacks" },
    { status: 3, meaning: "nothing is known to lack, but something could not be told" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
