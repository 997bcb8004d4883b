import { approve, ban, pause, promote, resume, rollback } from "./action/command.ts";
import { audit } from "./audit/command.ts";
import type { Command } from "./command.ts";
import { completion } from "./completion/command.ts";
import { explain } from "./explain/command.ts";
import { history } from "./history/command.ts";
import { preflight } from "./preflight/command.ts";
import { preview } from "./preview/command.ts";
import { reach } from "./reach/command.ts";
import { replay } from "./replay/command.ts";
import { status } from "./status/command.ts";
import { verify } from "./verify/command.ts";
import { version } from "./version/command.ts";

/** Every command, in the order in which the help lists them. The help, the completion and the reference are made from it. */
export const commands: readonly Command[] = [
  status,
  verify,
  explain,
  history,
  preview,
  reach,
  replay,
  rollback,
  ban,
  promote,
  approve,
  pause,
  resume,
  audit,
  preflight,
  completion(() => commands),
  version,
];
