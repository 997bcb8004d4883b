import { runAudit, usage as auditUsage } from "./audit/command.ts";
import type { Command } from "./command.ts";
import { completion } from "./completion/command.ts";
import { explain } from "./explain/command.ts";
import { preflight } from "./preflight/command.ts";
import { preview } from "./preview/command.ts";
import { reach } from "./reach/command.ts";
import { replay } from "./replay/command.ts";
import { status } from "./status/command.ts";
import { verify } from "./verify/command.ts";
import { version } from "./version/command.ts";

/** It reads its own command line; what stands here is for the completion and the reference. */
const audit: Command = {
  name: "audit",
  summary: "checks the evidence of the operator's decisions",
  about: "",
  positionals: [{ name: "verify", help: "the one thing it does", choices: ["verify"] }],
  options: {
    dir: { type: "string", value: "DIR", complete: "directory", help: "a directory with the records" },
    repository: { type: "string", value: "REPO", help: "a repository with the records" },
    "plain-http": { type: "boolean", help: "without TLS" },
    "ca-file": { type: "string", value: "FILE", complete: "file", help: "certificates that are trusted" },
    key: { type: "string", value: "FILE", complete: "file", help: "public keys to trust" },
    "key-from-cluster": { type: "boolean", help: "those that the operator publishes" },
    namespace: { type: "string", value: "NAME", help: "where the operator is installed" },
    object: { type: "string", value: "NAME", help: "one object only" },
    head: { type: "string", value: "DIGEST", help: "a record that must still be there" },
    output: { type: "string", short: "o", value: "FORMAT", choices: ["json"], help: "print JSON" },
    help: { type: "boolean", short: "h", help: "print this" },
  },
  exits: [],
  usage: auditUsage,
  run: (args, io) => runAudit(args, io),
};

/** Every command, in the order in which the help lists them. The help, the completion and the reference are made from it. */
export const commands: readonly Command[] = [
  status,
  verify,
  explain,
  preview,
  reach,
  replay,
  audit,
  preflight,
  completion(() => commands),
  version,
];
