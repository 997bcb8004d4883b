import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  policy: {
    type: "string",
    value: "FILE",
    complete: "file",
    help: "ClusterTrustPolicies in YAML, new ones or changed ones; - is standard input",
  },
  replace: { type: "string", multiple: true, value: "NAME", help: "a policy of the cluster to do without" },
  offline: { type: "boolean", help: "ask no registry: decide what statuses allow, the rest is Unknown" },
  content: shared.content,
  ...shared.deciding,
  output: shared.output,
} as const satisfies Options;

export const replay = defineCommand({
  name: "replay",
  summary: "what changed policies would change for everything that runs",
  about: `Takes the policies of the cluster, puts those of the file in their place, and decides about every SecureModel and every
allowed image again: what would be quarantined, refused or admitted. It changes nothing. It asks registries, with the pull
secrets of the objects as far as you may read them.`,
  positionals: [],
  options,
  exits: [
    { status: 0, meaning: "nothing changes for the worse" },
    { status: 1, meaning: "something would be quarantined or refused" },
    { status: 3, meaning: "nothing is known to be, but something is not known" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
