import type { Invocation } from "../command.ts";
import { parseTarget } from "../explain/decide.ts";
import type { Io } from "../io.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { decide, exitStatus } from "./decide.ts";
import { gather } from "./gather.ts";
import { render } from "./render.ts";

export async function run(
  { values, positionals: [object = ""], wrong }: Invocation<typeof options>,
  io: Io,
): Promise<number> {
  const target = parseTarget(object);
  if (target?.kind !== "SecureModel") throw wrong(`${object}: write smodel/NAME`);
  const context = selectCluster(values, wrong);
  const namespace = values.namespace ?? context.namespace;
  const facts = await gather(namespace, target.name);
  const what = `SecureModel ${namespace}/${target.name}`;
  if (facts.state === "absent") throw new InputError(`there is no ${what}: kubectl get smodel -A lists what there is`);
  if (facts.state === "unknown") {
    io.err(`mlsecops: ${what} cannot be read: ${facts.reason}\n`);
    return 3;
  }
  const report = decide(facts.value);
  io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
  return exitStatus(report);
}
