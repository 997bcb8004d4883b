import { parseArgs } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { UsageError } from "../usage-error.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export const usage = `usage: mlsecops preflight [--kubeconfig FILE] [--without-nodes]

Says what a cluster lacks to run the operator. It changes nothing there.

  --kubeconfig FILE   which cluster (default: $KUBECONFIG, else ~/.kube/config)
  --without-nodes     leave out what only pods need: container runtime, DNS, network policies

Exit status: 0 nothing lacks, 1 something lacks, 2 the command line is wrong, 3 nothing is known to lack, but
something could not be told.
`;

export async function runPreflight(args: readonly string[], write: (text: string) => void): Promise<number> {
  const options = parse(args);
  if (options.help === true) {
    write(usage);
    return 0;
  }
  // kubernetes-fluent-client looks there, and nowhere else.
  if (options.kubeconfig !== undefined) process.env["KUBECONFIG"] = options.kubeconfig;
  const kubeConfig = new KubeConfig();
  try {
    kubeConfig.loadFromDefault();
  } catch (error) {
    throw new UsageError(`no kubeconfig: ${error instanceof Error ? error.message : String(error)}`, usage);
  }
  write(`cluster ${kubeConfig.getCurrentCluster()?.server ?? "(the kubeconfig names none)"}\n\n`);
  const checks = decide(await gather(), { nodes: options["without-nodes"] !== true });
  write(render(checks));
  return exitStatus(checks);
}

function parse(args: readonly string[]) {
  try {
    const options = {
      help: { type: "boolean", short: "h" },
      kubeconfig: { type: "string" },
      "without-nodes": { type: "boolean" },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), usage);
  }
}
