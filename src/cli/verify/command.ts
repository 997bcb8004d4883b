import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
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
  ...shared.cluster,
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
} as const satisfies Options;

export const verify = defineCommand({
  name: "verify",
  summary: "what policies in a file say of an artifact, before any cluster is asked",
  about: `Verifies a model or an image by the ClusterTrustPolicies in a file, with the code that the operator runs. It asks the
registry of the reference and, unless told to, nobody else; in a cluster it changes nothing.`,
  positionals: [
    { name: "REF", help: "the artifact, by tag or by digest, such as registry.example.com/models/iris:v1" },
  ],
  options,
  exits: [
    { status: 0, meaning: "Verified" },
    { status: 1, meaning: "Rejected" },
    { status: 3, meaning: "Indeterminate: it could not be found out" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
