import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  ...shared.cluster,
  output: shared.output,
} as const satisfies Options;

export const reach = defineCommand({
  name: "reach",
  summary: "whether a pod may open a connection, and which rule says so",
  about: `Answers from the NetworkPolicies and the administrators' network policies that live in the cluster, without sending a
packet. It reads objects as you, and changes nothing.`,
  positionals: [
    { name: "FROM", help: "NAMESPACE/POD, or an IP address" },
    {
      name: "TO",
      help: "NAMESPACE/POD:PORT, svc/NAMESPACE/NAME:PORT or IP:PORT, with /UDP or /SCTP where it is not TCP",
    },
  ],
  options,
  exits: [
    { status: 0, meaning: "allowed" },
    { status: 1, meaning: "denied" },
    { status: 3, meaning: "not known: something could not be read, or is not defined" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
