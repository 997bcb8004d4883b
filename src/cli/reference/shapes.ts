import { ActionReport } from "../action/schema.ts";
import { ExplainReport } from "../explain/schema.ts";
import { HistoryReport } from "../history/schema.ts";
import { PreviewReport } from "../preview/schema.ts";
import { ReachReport } from "../reach/schema.ts";
import { ReplayReport } from "../replay/schema.ts";
import { StatusReport } from "../status/schema.ts";
import { VerifyReport } from "../verify/schema.ts";
import type { Shape } from "./page.ts";

/** What the commands print with -o json. */
export const shapes: readonly Shape[] = [
  { command: "status", schema: StatusReport },
  { command: "verify", schema: VerifyReport },
  { command: "explain", schema: ExplainReport },
  { command: "history", schema: HistoryReport },
  { command: "preview", schema: PreviewReport },
  { command: "reach", schema: ReachReport },
  { command: "replay", schema: ReplayReport },
  ...["rollback", "ban", "promote", "approve", "pause", "resume"].map((command) => ({ command, schema: ActionReport })),
];
