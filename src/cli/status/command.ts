import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  namespace: shared.namespace,
  "all-namespaces": { type: "boolean", short: "A", help: "every namespace" },
  ...shared.cluster,
  output: shared.output,
} as const satisfies Options;

export const status = defineCommand({
  name: "status",
  summary: "how all models, namespaces and policies stand, what needs attention first",
  about: `Shows every SecureModel, SecureNamespace and ClusterTrustPolicy in one table: whether it is Ready, what its verdict is and
until when it holds. What needs attention comes first.`,
  positionals: [],
  options,
  exits: [
    { status: 0, meaning: "all is Ready" },
    { status: 1, meaning: "something is not Ready" },
    { status: 3, meaning: "nothing is known not to be Ready, but something could not be read" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
