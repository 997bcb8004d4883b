import { K8s, kind } from "kubernetes-fluent-client";
import { Profile } from "../../api/index.ts";
import { ask } from "../ask.ts";
import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { materialOf, type MaterialChoice } from "../policies/from-cluster.ts";
import { livePolicies } from "../policies/live.ts";
import { mapBounded } from "../pool.ts";
import { startProgress } from "../progress.ts";
import { openRegistries, type RegistryChoice } from "../registry/open.ts";
import { tenantLogins } from "../registry/tenant-credentials.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { decide, exitStatus, ungrantedImages, type Verdicts } from "./decide.ts";
import { type Facts, gather } from "./gather.ts";
import { render } from "./render.ts";

export async function run(
  { values, positionals: [namespace = ""], wrong }: Invocation<typeof options>,
  io: Io,
): Promise<number> {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) throw wrong(`${namespace}: not the name of a namespace`);
  selectCluster(values, wrong);
  const [there, facts] = await Promise.all([ask(() => K8s(kind.Namespace).Get(namespace)), gather(namespace)]);
  if (there.state === "absent") throw new InputError(`there is no namespace ${namespace}`);
  // Without it everything would look as if it were not granted.
  if (facts.grant.state === "unknown") {
    io.err(`mlsecops: the AdmissionGrant of ${namespace} cannot be read: ${facts.grant.reason}\n`);
    return 3;
  }
  const choice = { profile: Profile.safeParse(values.profile).data, now: io.now() };
  const first = decide(facts, new Map(), choice);
  const verdicts = values.refresh ? await verifyImages(ungrantedImages(first), facts, values, io) : undefined;
  const report = verdicts === undefined ? first : decide(facts, verdicts, choice);
  io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
  return exitStatus(report);
}

/** What the cluster's policies say now of each image. */
async function verifyImages(
  images: readonly string[],
  { namespace, policies }: Facts,
  choice: Omit<RegistryChoice, "content"> & MaterialChoice,
  io: Io,
): Promise<Verdicts> {
  if (policies.state !== "known") throw new InputError("--refresh needs the right to list clustertrustpolicies");
  const registries = await openRegistries({ ...choice, content: false }, io);
  const progress = startProgress(io, "images asked for", images.length);
  try {
    const material = await materialOf(policies.value.objects, choice, { cosign: registries.cosign, env: io.env });
    const resolved = livePolicies(policies.value, material);
    const credentials = await tenantLogins(registries.credentials).of(namespace, {});
    const now = io.now();
    const entries = await mapBounded(images, 4, async (reference) => {
      const request = { reference, namespace, policies: resolved, credentials, use: "Image", now } as const;
      const { verdict } = await registries.verifier.verify(request);
      progress.step();
      return [reference, verdict] as const;
    });
    return new Map(entries);
  } finally {
    progress.stop();
    await registries.close();
  }
}
