import { defineCommand, type Options, type Positional } from "../command.ts";
import * as shared from "../options.ts";

export const options = {
  namespace: shared.namespace,
  "dry-run": { type: "boolean", help: "have the API server check it, and keep nothing" },
  kubeconfig: shared.kubeconfig,
  context: shared.context,
  output: shared.output,
} as const satisfies Options;

const reason = {
  type: "string",
  required: true,
  value: "TEXT",
  help: "why, for those who read it later: 10 to 1024 characters",
} as const;
const reasoned = { reason, ...options } as const satisfies Options;
const pausing = {
  reason,
  for: {
    type: "string",
    value: "DURATION",
    help: "how long, for example 2h or 45m; then it ends by itself (default: until mlsecops resume)",
  },
  ...options,
} as const satisfies Options;
const approving = {
  reason,
  revision: { type: "string", value: "REVISION", help: "its name, or its number (default: the one that comes)" },
  ...options,
} as const satisfies Options;
const resuming = {
  reason: { type: "string", value: "TEXT", help: "what you found, needed where the model is latched" },
  ...options,
} as const satisfies Options;
const forced = {
  ...{
    reason,
    force: { type: "boolean", help: "ban it also where nothing is safe to go back to, or the model is paused" },
  },
  ...options,
} as const satisfies Options;

const object: Positional = { name: "OBJECT", help: "smodel/NAME" };
const revision: Positional = { name: "REVISION", help: "its name, or its number" };
const exits = [
  { status: 0, meaning: "it is done, or there is nothing to do" },
  { status: 3, meaning: "the cluster could not be read, or did not allow it" },
];
const refusing = [...exits, { status: 1, meaning: "it is not done, for the reason that is shown" }];
const lasting = `It is a ModelAction in your own name, which never changes. It takes the roles view and mlsecops-operate.`;

export const rollback = defineCommand({
  name: "rollback",
  summary: "leaves the revision that comes, or else serves, for one that is safe",
  about: `Looks at what the model would go back to by what is known now, and bans the revision that is being rolled out, or else the
one that serves. The operator verifies the older one again before it starts it.
${lasting}`,
  positionals: [object],
  options: forced,
  exits: refusing,
  run: async (invocation, io) => (await import("./run.ts")).run("Rollback", invocation, io),
});

export const ban = defineCommand({
  name: "ban",
  summary: "bans a revision of a model: it must not run",
  about: `Bans the revision that is named, or else the one that is being rolled out, or else the one that serves. If it runs, an older
one takes its place; where none is safe, spec.rollback.onNoSafeRevision says what is left.
${lasting}`,
  positionals: [object, { ...revision, optional: true }],
  options: reasoned,
  exits: refusing,
  run: async (invocation, io) => (await import("./run.ts")).run("Ban", invocation, io),
});

export const promote = defineCommand({
  name: "promote",
  summary: "lets a revision that was banned run again",
  about: `Ends the ban of a revision. If it is what the spec asks for, it is started again, once it verifies, also where the model is
latched. If it fails again, it is banned again.
${lasting}`,
  positionals: [object, revision],
  options: reasoned,
  exits,
  run: async (invocation, io) => (await import("./run.ts")).run("Promote", invocation, io),
});

export const approve = defineCommand({
  name: "approve",
  summary: "lets a revision take the step of its rollout that waits for people",
  about: `Approves the revision that is named, or else the one that is being rolled out. It takes a person who has not written the spec,
and two where it is not known who has, or a machine has; ServiceAccounts approve nothing. Deleting the ModelAction withdraws it.
It is a ModelAction in your own name, which never changes. It takes the roles view and mlsecops-operate, or Approver in spec.people of
the SecureNamespace.`,
  positionals: [object],
  options: approving,
  exits: refusing,
  run: async (invocation, io) => (await import("./run.ts")).run("Approve", invocation, io),
});

export const pause = defineCommand({
  name: "pause",
  summary: "keeps any other revision of a model from being started",
  about: `Until mlsecops resume, or for as long as --for says, no other revision of the model is started, be it a new one or an older one.
What is revoked ends all the same.
${lasting}`,
  positionals: [object],
  options: pausing,
  exits,
  run: async (invocation, io) => (await import("./run.ts")).run("Pause", invocation, io),
});

export const resume = defineCommand({
  name: "resume",
  summary: "ends every pause of a model, and says that you have looked after repeated rollbacks",
  about: `Deletes the ModelActions that pause the model, whoever created them. Where the model is latched, it creates a ModelAction of type
Resume in your own name: new revisions are started again. It takes the roles view and mlsecops-operate.`,
  positionals: [object],
  options: resuming,
  exits: refusing,
  run: async (invocation, io) => (await import("./run.ts")).run("Resume", invocation, io),
});
