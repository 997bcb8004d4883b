import { type ClusterTrustPolicy } from "../../api/index.ts";
import { parseReference, secretsOf } from "../../trust/index.ts";
import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { gatherMaterial } from "../policies/material.ts";
import { readPolicyFile } from "../policies/read-file.ts";
import { resolvePolicies } from "../policies/resolve.ts";
import { openRegistries } from "../registry/open.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { selectCluster } from "../select-cluster.ts";
import { InputError } from "../usage-error.ts";
import type { options } from "./command.ts";
import { exitStatus, reportOf } from "./decide.ts";
import { judge } from "./gather.ts";
import { render } from "./render.ts";

export async function run(
  { values, positionals: [reference = ""], wrong }: Invocation<typeof options>,
  io: Io,
): Promise<number> {
  if (values["secret-dir"] !== undefined && values["from-cluster"])
    throw wrong("give --secret-dir or --from-cluster, not both");
  if (values.layout !== undefined && (values.kms || values["from-cluster"]))
    throw wrong("--layout uses no network: give --secret-dir for Secrets, and no --kms");
  const parsed = parseReference(reference);
  if (!parsed.ok) throw wrong(parsed.message);
  const policies = await readPolicyFile(values.policy);
  requireNamespace(policies, values.namespace);
  if (values["secret-dir"] === undefined && !values["from-cluster"]) requireNoSecrets(policies);
  if (values["from-cluster"]) selectCluster(values, wrong);
  const registries = await openRegistries({ ...values, content: true }, io);
  try {
    const material = await gatherMaterial(policies, {
      secrets: values["from-cluster"]
        ? { kind: "Cluster", namespace: values["operator-namespace"] }
        : { kind: "Files", directory: values["secret-dir"] ?? "" },
      ...(values.kms ? { kms: { cosign: registries.cosign, env: io.env } } : {}),
    });
    const asked = { reference, namespace: values.namespace ?? "default" };
    const use = values.as === "image" ? "Image" : "Model";
    const subject = { ...asked, use, required: [], credentials: registries.credentials } as const;
    const { verdict, accounts } = await judge(registries, subject, resolvePolicies(policies, material), io.now());
    const report = reportOf(asked, verdict, accounts);
    io.out(values.output === "json" ? json(report) : render(report, paintFor(io)));
    return exitStatus(report);
  } finally {
    await registries.close();
  }
}

/** Without a namespace, a policy for some of them would silently have no say. */
function requireNamespace(policies: readonly ClusterTrustPolicy[], namespace: string | undefined): void {
  const limited = policies.find(({ spec }) => spec.scope.namespaces !== undefined);
  if (namespace !== undefined || limited === undefined) return;
  const namespaces = limited.spec.scope.namespaces?.join(", ") ?? "";
  throw new InputError(`policy ${limited.metadata.name} is for the namespaces ${namespaces}: give --namespace`);
}

function requireNoSecrets(policies: readonly ClusterTrustPolicy[]): void {
  for (const policy of policies) {
    const [secret] = secretsOf(policy);
    if (secret === undefined) continue;
    throw new InputError(
      `policy ${policy.metadata.name} takes something from Secret ${secret}: give --secret-dir DIR with DIR/${secret}/<key>, or --from-cluster`,
    );
  }
}
