import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { materialOf } from "../policies/from-cluster.ts";
import { livePolicies } from "../policies/live.ts";
import { readPolicyFile } from "../policies/read-file.ts";
import { startProgress } from "../progress.ts";
import { openRegistries } from "../registry/open.ts";
import { tenantLogins } from "../registry/tenant-credentials.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { decide, exitStatus } from "./decide.ts";
import { compareOffline, compareOnline, gatherFleet } from "./gather.ts";
import { overlay } from "./overlay.ts";
import { render } from "./render.ts";

export async function run({ values, wrong }: Invocation<typeof options>, io: Io): Promise<number> {
  if (values.policy === undefined && values.replace.length === 0)
    throw wrong("give --policy FILE, --replace NAME, or both");
  selectCluster(values, wrong);
  const given = values.policy === undefined ? [] : await readPolicyFile(values.policy);
  const answer = await gatherFleet();
  if (answer.state !== "known") {
    const why = answer.state === "unknown" ? answer.reason : "the kind is not installed";
    io.err(`mlsecops: the policies of the cluster cannot be read: ${why}\n`);
    return 3;
  }
  const { policies, subjects, unknown } = answer.value;
  const known = [...policies.objects, ...policies.unreadable.map(({ name }) => ({ metadata: { name } }))];
  const missing = values.replace.find((name) => !known.some(({ metadata }) => metadata.name === name));
  if (missing !== undefined) throw new InputError(`--replace ${missing}: there is no such policy in the cluster`);
  const { policies: next, summary } = overlay(policies.objects, given, values.replace);
  const gone = [...values.replace, ...given.map(({ metadata }) => metadata.name)];
  const unreadable = policies.unreadable.filter(({ name }) => !gone.includes(name));
  const registries = await openRegistries(values, io);
  const progress = startProgress(io, "references looked at", subjects.length);
  try {
    const material = await materialOf([...policies.objects, ...next], values, {
      cosign: registries.cosign,
      env: io.env,
    });
    const sides = {
      before: livePolicies(policies, material),
      after: livePolicies({ objects: next, unreadable }, material),
    };
    const now = io.now();
    const logins = tenantLogins(registries.credentials);
    const compared = values.offline
      ? compareOffline(subjects, sides, now)
      : await compareOnline(subjects, sides, { registries, logins }, { now, step: progress.step });
    const report = decide(compared, {
      source: values.offline ? "Status" : "Registry",
      policies: summary,
      unknown: [...unknown],
    });
    progress.stop();
    io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
    return exitStatus(report);
  } finally {
    progress.stop();
    await registries.close();
  }
}
