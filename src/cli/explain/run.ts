import type { Answer } from "../ask.ts";
import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { materialOf, type MaterialChoice } from "../policies/from-cluster.ts";
import { livePolicies } from "../policies/live.ts";
import { startProgress } from "../progress.ts";
import { mapBounded } from "../pool.ts";
import { openRegistries, type RegistryChoice } from "../registry/open.ts";
import { tenantLogins } from "../registry/tenant-credentials.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { tree, type TreeNode } from "../render/tree.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { exitStatus, outcomeOf, parseTarget } from "./decide.ts";
import { gatherModel, gatherNamespace, type Surroundings } from "./gather.ts";
import { modelTree } from "./model.ts";
import { namespaceTree } from "./namespace.ts";
import { type Refreshing, refreshImage, refreshModel } from "./refresh.ts";
import type { ExplainReport } from "./schema.ts";

export async function run(
  { values, positionals: [object = ""], wrong }: Invocation<typeof options>,
  io: Io,
): Promise<number> {
  const target = parseTarget(object);
  if (target === undefined) throw wrong(`${object}: write smodel/NAME or sns/NAME`);
  const context = selectCluster(values, wrong);
  const { kind, name } = target;
  const namespace = kind === "SecureNamespace" ? name : (values.namespace ?? context.namespace);
  const what = kind === "SecureNamespace" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
  const now = io.now();
  const build = async (): Promise<TreeNode | string> => {
    if (kind === "SecureModel") {
      const facts = valueOf(await gatherModel(namespace, name), what);
      if (typeof facts === "string") return facts;
      const refreshed = await refreshing(values, facts, { io, now, total: 1 }, (with_) =>
        refreshModel(with_, facts.model),
      );
      return modelTree(facts, refreshed, now);
    }
    const facts = valueOf(await gatherNamespace(name), what);
    if (typeof facts === "string") return facts;
    const images = facts.namespace.spec.allowedImages;
    const refreshed = await refreshing(values, facts, { io, now, total: images.length }, (with_, step) =>
      mapBounded(images, 4, async (image) => {
        const found = [image.name, await refreshImage(with_, name, image)] as const;
        step();
        return found;
      }),
    );
    return namespaceTree(facts, new Map(refreshed ?? []), now);
  };
  const built = await build();
  if (typeof built === "string") {
    io.err(`mlsecops: ${built}\n`);
    return 3;
  }
  const report: ExplainReport = {
    format: "mlsecops.io/explain/v1",
    ...{ kind, namespace, name },
    source: values.refresh ? "Registry" : "Status",
    outcome: outcomeOf(built),
    tree: built,
  };
  io.out(values.output === "json" ? json(report) : tree(built, paintFor(io)));
  return exitStatus(report);
}

function valueOf<T>(answer: Answer<T>, what: string): T | string {
  if (answer.state === "known") return answer.value;
  if (answer.state === "absent")
    throw new InputError(`there is no ${what}: kubectl get smodel,sns -A lists what there is`);
  return `${what} cannot be read: ${answer.reason}`;
}

interface Choice extends RegistryChoice, MaterialChoice {
  readonly refresh: boolean;
}

/** Undefined unless --refresh asks for it. */
async function refreshing<T>(
  choice: Choice,
  { policies }: Surroundings,
  { io, now, total }: { readonly io: Io; readonly now: Date; readonly total: number },
  task: (with_: Refreshing, step: () => void) => Promise<T>,
): Promise<T | undefined> {
  if (!choice.refresh) return undefined;
  if (policies.state !== "known") throw new InputError("--refresh needs the right to list clustertrustpolicies");
  const registries = await openRegistries(choice, io);
  const progress = startProgress(io, "references asked for", total);
  try {
    const material = await materialOf(policies.value.objects, choice, { cosign: registries.cosign, env: io.env });
    const logins = tenantLogins(registries.credentials);
    const with_ = { registries, logins, policies: livePolicies(policies.value, material), now };
    return await task(with_, progress.step);
  } finally {
    progress.stop();
    await registries.close();
  }
}
