import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { selectCluster } from "../select-cluster.ts";
import type { options } from "./command.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export async function run({ values, wrong }: Invocation<typeof options>, { out }: Io): Promise<number> {
  const { kubeConfig } = selectCluster(values, wrong);
  out(`cluster ${kubeConfig.getCurrentCluster()?.server ?? "(the kubeconfig names none)"}\n\n`);
  const checks = decide(await gather(), { nodes: !values["without-nodes"] });
  out(render(checks));
  return exitStatus(checks);
}
