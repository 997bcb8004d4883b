import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  namespace: shared.namespace,
  refresh: { type: "boolean", help: "ask the registry again, to see each signature and each condition" },
  content: shared.content,
  ...shared.deciding,
  output: shared.output,
} as const satisfies Options;

export const explain = defineCommand({
  name: "explain",
  summary: "the chain of facts behind a verdict, from the reference to the pods",
  about: `Shows why a SecureModel or a SecureNamespace stands as it does: its reference, the digest, the policies that cover it and
those that do not, who vouches, the grant, the revisions and the pods. It reads objects of the cluster; with --refresh also
the registry, as you.`,
  positionals: [{ name: "OBJECT", help: "smodel/NAME or sns/NAME" }],
  options,
  exits: [
    { status: 0, meaning: "every fact is good" },
    { status: 1, meaning: "one is not" },
    { status: 3, meaning: "one is not known, or the object could not be read" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
