import { type ClusterTrustPolicy } from "../../api/index.ts";
import { parseReference, secretsOf } from "../../trust/index.ts";
import { selectCluster } from "../cluster.ts";
import { defineCommand } from "../command.ts";
import * as shared from "../options.ts";
import { gatherMaterial } from "../policies/material.ts";
import { readPolicyFile } from "../policies/read-file.ts";
import { resolvePolicies } from "../policies/resolve.ts";
import { openRegistries } from "../registry/open.ts";
import { paintFor } from "../render/colour.ts";
import { json } from "../render/json.ts";
import { InputError } from "../usage-error.ts";
import { exitStatus, reportOf } from "./decide.ts";
import { judge } from "./gather.ts";
import { render } from "./render.ts";

export const verify = defineCommand({
  name: "verify",
  summary: "what policies in a file say of an artifact, before any cluster is asked",
  about: `Verifies a model or an image by the ClusterTrustPolicies in a file, with the code that the operator runs. It asks the
registry of the reference and, unless told to, nobody else; in a cluster it changes nothing.`,
  positionals: [
    { name: "REF", help: "the artifact, by tag or by digest, such as registry.example.com/models/iris:v1" },
  ],
  options: {
    policy: {
      type: "string",
      required: true,
      value: "FILE",
      complete: "file",
      help: "ClusterTrustPolicies in YAML; - is standard input",
    },
    namespace: { ...shared.namespace, help: "where it is to be used, for policies that are for some namespaces only" },
    as: {
      type: "string",
      value: "USE",
      choices: ["model", "image"],
      default: "model",
      help: "what it is used as: a model is also looked through for what loading it would run",
    },
    "secret-dir": shared.secretDir,
    "from-cluster": { type: "boolean", help: "read Secrets that policies name from the cluster, with your own rights" },
    kubeconfig: shared.kubeconfig,
    "operator-namespace": shared.operatorNamespace,
    kms: shared.kms,
    layout: {
      type: "string",
      value: "DIR",
      complete: "directory",
      help: "read an OCI image layout with what is attached to the artifact instead of a registry: no network is used",
    },
    ...shared.registry,
    output: shared.output,
  },
  exits: [
    { status: 0, meaning: "Verified" },
    { status: 1, meaning: "Rejected" },
    { status: 3, meaning: "Indeterminate: it could not be found out" },
  ],
  run: async ({ values, positionals: [reference = ""], wrong }, io) => {
    if (values["secret-dir"] !== undefined && values["from-cluster"])
      throw wrong("give --secret-dir or --from-cluster, not both");
    if (values.layout !== undefined && (values.kms || values["from-cluster"]))
      throw wrong("--layout uses no network: give --secret-dir for Secrets, and no --kms");
    const parsed = parseReference(reference);
    if (!parsed.ok) throw wrong(parsed.message);
    const policies = await readPolicyFile(values.policy);
    requireNamespace(policies, values.namespace);
    if (values["secret-dir"] === undefined && !values["from-cluster"]) requireNoSecrets(policies);
    if (values["from-cluster"]) selectCluster(values.kubeconfig, wrong);
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
  },
});

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
