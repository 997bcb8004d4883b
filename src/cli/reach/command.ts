import { parseFrom, parseTo } from "../../reach/index.ts";
import { selectCluster } from "../cluster.ts";
import { defineCommand } from "../command.ts";
import * as shared from "../options.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { InputError } from "../usage-error.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

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
  options: { kubeconfig: shared.kubeconfig, output: shared.output },
  exits: [
    { status: 0, meaning: "allowed" },
    { status: 1, meaning: "denied" },
    { status: 3, meaning: "not known: something could not be read, or is not defined" },
  ],
  run: async ({ values, positionals: [fromText = "", toText = ""], wrong }, io) => {
    const [from, to] = [parseFrom(fromText), parseTo(toText)];
    if (!from.ok) throw wrong(from.problem);
    if (!to.ok) throw wrong(to.problem);
    selectCluster(values.kubeconfig, wrong);
    const question = { from: from.value, to: to.value, texts: { from: fromText, to: toText } };
    const decision = decide(await gather(from.value, to.value), question);
    if (decision.state === "Missing") throw new InputError(decision.problem);
    const { report } = decision;
    io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
    return exitStatus(report);
  },
});
