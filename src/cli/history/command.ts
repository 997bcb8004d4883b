import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  namespace: shared.namespace,
  ...shared.cluster,
  output: shared.output,
} as const satisfies Options;

export const history = defineCommand({
  name: "history",
  summary: "what happened to a model: its revisions, what people decided, events and signals",
  about: `Shows the revisions of a SecureModel, then a timeline from its revisions, its ModelActions and its Events, newest last, and a
small plot of each signal that was looked at. It reads objects as you, and changes nothing.`,
  positionals: [{ name: "OBJECT", help: "smodel/NAME" }],
  options,
  exits: [
    { status: 0, meaning: "all of it is shown" },
    { status: 3, meaning: "something could not be read" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
