import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { selectCluster } from "../select-cluster.ts";
import type { options } from "./command.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export async function run({ values, wrong }: Invocation<typeof options>, io: Io): Promise<number> {
  if (values["all-namespaces"] && values.namespace !== undefined)
    throw wrong("give --namespace or --all-namespaces, not both");
  const { namespace } = selectCluster(values, wrong);
  const facts = await gather(values["all-namespaces"] ? undefined : (values.namespace ?? namespace));
  const now = io.now();
  const report = decide(facts, now);
  io.out(values.output === "json" ? json(report) : render(report, now, paintFor(io)));
  return exitStatus(report);
}
