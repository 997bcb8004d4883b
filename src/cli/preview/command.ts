import type { Profile } from "../../api/index.ts";
import { defineCommand, type Options } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  profile: {
    type: "string",
    value: "PROFILE",
    choices: ["experiment", "training", "serving"] satisfies readonly Profile[],
    help: "what the namespace is to be (default: as its SecureNamespace says, else experiment)",
  },
  refresh: {
    type: "boolean",
    help: "ask the registry about images that are not granted, to say what policies think of them",
  },
  ...shared.deciding,
  output: shared.output,
} as const satisfies Options;

export const preview = defineCommand({
  name: "preview",
  summary: "what enforcement would refuse or cut in a namespace today",
  about: `Looks at every pod and every pod template of a namespace, and says which of them would be refused if its SecureNamespace
were in Enforce now, and why; which traffic would be cut, what would open the namespace all the same, and whether its quota
is below what runs. It changes nothing.`,
  positionals: [{ name: "NAMESPACE", help: "secured already, or not yet" }],
  options,
  exits: [
    { status: 0, meaning: "nothing would be refused or cut, and nothing would be open" },
    { status: 1, meaning: "something would be" },
    { status: 3, meaning: "nothing is known to be, but something could not be read" },
  ],
  run: async (invocation, io) => (await import("./run.ts")).run(invocation, io),
});
