import { ModelActionSpec } from "../../api/index.ts";
import type { Answer } from "../ask.ts";
import type { Invocation, Values } from "../command.ts";
import { parseTarget } from "../explain/decide.ts";
import type { Io } from "../io.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { parseDuration } from "../../trust/index.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { decide } from "./decide.ts";
import { type Facts, gather } from "./gather.ts";
import { exitStatus, render } from "./render.ts";
import type { ActionReport } from "./schema.ts";
import type { Decision, Wish } from "./wish.ts";
import { type Place, Writer } from "./write.ts";

/** What some of the commands have. */
interface Own {
  readonly reason?: string | undefined;
  readonly force?: boolean;
  readonly revision?: string | undefined;
  readonly for?: string | undefined;
}

interface Call extends Pick<Invocation<typeof options>, "positionals" | "wrong"> {
  readonly values: Values<typeof options> & Own;
}

export async function run(
  wish: Wish["wish"],
  { values, positionals: [object = "", revision = values.revision], wrong }: Call,
  io: Io,
): Promise<number> {
  const target = parseTarget(object);
  if (target?.kind !== "SecureModel") throw wrong(`${object}: write smodel/NAME`);
  const { reason = "", force = false } = values;
  const problem = values.reason === undefined ? undefined : reasonProblem(reason);
  if (problem !== undefined) throw wrong(problem);
  const now = new Date();
  const lastsMs = values.for === undefined ? undefined : parseDuration(values.for);
  if (values.for !== undefined && (lastsMs ?? 0) === 0)
    throw wrong(`--for ${values.for}: write a length of time, for example --for 2h or --for 45m`);
  const notAfter = lastsMs === undefined ? undefined : new Date(now.getTime() + lastsMs);
  const context = selectCluster(values, wrong);
  const place: Place = { namespace: values.namespace ?? context.namespace, model: target.name };
  const writer = new Writer(context.kubeConfig, values["dry-run"]);
  const [by, facts] = await Promise.all([writer.whoAmI(), gather(place.namespace, place.model)]);
  if (by.state !== "known") return unread(io, "who you are", by);
  const what = `SecureModel ${place.namespace}/${place.model}`;
  if (facts.state === "absent") throw new InputError(`there is no ${what}: kubectl get smodel -A lists what there is`);
  if (facts.state === "unknown") return unread(io, what, facts);
  const wanted: Wish = { wish, revision, reason, force, notAfter, by: by.value, now };
  const report = await act(facts.value, wanted, { place, writer, values });
  io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
  return exitStatus(report);
}

interface Acting {
  readonly place: Place;
  readonly writer: Writer;
  readonly values: Pick<Call["values"], "dry-run">;
}

/** @throws InputError when what is named is not there. */
async function act(facts: Facts, wish: Wish, { place, writer, values }: Acting): Promise<ActionReport> {
  const decision = decide(facts, wish);
  if (decision.kind === "Missing") throw new InputError(decision.problem);
  const base: Omit<ActionReport, "outcome"> = {
    format: "mlsecops.io/action/v1",
    ...{ ...place, wish: wish.wish, by: wish.by },
    ...(decision.revision === undefined ? {} : { revision: decision.revision }),
    effects: [...decision.effects],
  };
  if (decision.kind === "Refused" || decision.kind === "Nothing")
    return { ...base, outcome: decision.kind, why: decision.why };
  const written = await write(decision, place, writer);
  if (written.problem !== undefined)
    return { ...base, effects: [], outcome: "NotAllowed", why: written.problem, ...written.done };
  return values["dry-run"] ? { ...base, outcome: "DryRun" } : { ...base, outcome: "Done", ...written.done };
}

interface Written {
  readonly problem?: string;
  readonly done: Pick<ActionReport, "created" | "deleted">;
}

async function write(
  { creates, deletes }: Extract<Decision, { readonly kind: "Write" }>,
  place: Place,
  writer: Writer,
): Promise<Written> {
  const created = creates === undefined ? undefined : await writer.create(place, creates);
  if (created !== undefined && created.state !== "known") return { ...problemOf(created), done: {} };
  const done: Written["done"] = created === undefined ? {} : { created: created.value };
  const deleted: string[] = [];
  for (const name of deletes) {
    const answer = await writer.remove(place, name);
    // What was done before it counts all the same.
    if (answer.state !== "known") return { ...problemOf(answer), done: { ...done, deleted } };
    deleted.push(name);
  }
  return { done: { ...done, ...(deletes.length === 0 ? {} : { deleted }) } };
}

function problemOf(answer: Exclude<Answer<unknown>, { readonly state: "known" }>): { readonly problem: string } {
  return { problem: answer.state === "unknown" ? answer.reason : "the API server has no ModelActions" };
}

function reasonProblem(reason: string): string | undefined {
  const probe = { type: "Pause", model: "x", requestedBy: "x", reason };
  return ModelActionSpec.safeParse(probe).success ? undefined : "--reason: write 10 to 1024 characters";
}

function unread(io: Io, what: string, answer: Exclude<Answer<unknown>, { readonly state: "known" }>): 3 {
  io.err(`mlsecops: ${what} cannot be read: ${answer.state === "unknown" ? answer.reason : "there is no answer"}\n`);
  return 3;
}
