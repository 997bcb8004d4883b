import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  dir: {
    type: "string",
    value: "DIR",
    complete: "directory",
    help: "where the records are: the volume of the evidence, or a copy of it",
  },
  repository: {
    type: "string",
    value: "REPO",
    help: "or a repository, such as registry.example.com/mlsecops/evidence; with the login of docker login",
  },
  "plain-http": { type: "boolean", help: "speak to the registry without TLS" },
  "ca-file": {
    type: "string",
    value: "FILE",
    complete: "file",
    help: "certificates that are trusted beside the public ones",
  },
  key: { type: "string", multiple: true, value: "FILE", complete: "file", help: "public keys to trust, in PEM" },
  "key-from-cluster": { type: "boolean", help: "trust those that the operator publishes in the cluster" },
  namespace: { ...shared.operatorNamespace, help: "where the operator is installed" },
  ...shared.cluster,
  object: {
    type: "string",
    value: "NAME",
    help: "one object only: SecureModel/NAMESPACE/NAME or SecureNamespace/NAME",
  },
  head: {
    type: "string",
    multiple: true,
    value: "DIGEST",
    help: "of a record that you kept, of a checkpoint for example: it must still be there",
  },
  output: shared.output,
} as const satisfies Options;

export const audit = defineCommand({
  name: "audit",
  summary: "checks the evidence of the operator's decisions",
  about: `Checks the evidence of the operator's decisions: signatures, order, links and checkpoints of every chain. It needs the
records (--dir or --repository) and a public key (--key or --key-from-cluster), and trusts neither the operator nor the store.`,
  positionals: [{ name: "verify", help: "the one thing it does", choices: ["verify"] }],
  options,
  exits: [
    { status: 0, meaning: "all is sound" },
    { status: 1, meaning: "something is broken or gone" },
    { status: 3, meaning: "it could not be looked at" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
