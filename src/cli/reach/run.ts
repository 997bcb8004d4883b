import { parseFrom, parseTo } from "../../reach/index.ts";
import type { Invocation } from "../command.ts";
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
  { values, positionals: [fromText = "", toText = ""], wrong }: Invocation<typeof options>,
  io: Io,
): Promise<number> {
  const [from, to] = [parseFrom(fromText), parseTo(toText)];
  if (!from.ok) throw wrong(from.problem);
  if (!to.ok) throw wrong(to.problem);
  selectCluster(values, wrong);
  const question = { from: from.value, to: to.value, texts: { from: fromText, to: toText } };
  const decision = decide(await gather(from.value, to.value), question);
  if (decision.state === "Missing") throw new InputError(decision.problem);
  const { report } = decision;
  io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
  return exitStatus(report);
}
