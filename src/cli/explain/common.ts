/** What the explanations of all kinds share. Pure. */
import { isGranted } from "../../admission/index.ts";
import type { AdmissionGrantSpec, SecureModelStatus, Use, VerdictStatus } from "../../api/index.ts";
import { formatDuration, toVerdictStatus, type Verdict } from "../../trust/index.ts";
import type { Answer } from "../ask.ts";
import type { Mood } from "../render/colour.ts";
import { relative } from "../render/text.ts";
import { node, type TreeNode } from "../render/tree.ts";

const moods: Readonly<Record<VerdictStatus["outcome"], Mood>> = {
  Verified: "good",
  Rejected: "bad",
  Indeterminate: "unknown",
};

/** The verdict of the registry where it was asked, else that of the status. */
export function verdictNode(status: VerdictStatus | undefined, fresh: Verdict | undefined, now: Date): TreeNode {
  const verdict = fresh === undefined ? status : toVerdictStatus(fresh);
  if (verdict === undefined) return node("verdict: there is none yet", "unknown");
  const at = (time: string) => `${time} (${relative(new Date(time), now, formatDuration)})`;
  const { outcome, reason, message, notAfter, recheckAfter, exception, warnings = [] } = verdict;
  const ended = Date.parse(notAfter ?? "") <= now.getTime();
  const differs = fresh !== undefined && status !== undefined && status.outcome !== outcome;
  return node(`verdict ${outcome}${reason === outcome ? "" : ` (${reason})`}: ${message}`, moods[outcome], [
    ...(notAfter === undefined ? [] : [node(`valid until ${at(notAfter)}`, ended ? "bad" : "plain")]),
    ...(recheckAfter === undefined ? [] : [node(`checked again ${at(recheckAfter)}`)]),
    ...(exception === undefined
      ? []
      : [node(`only by ModelAction ${exception.action}, until ${at(exception.notAfter)}`, "unknown")]),
    ...(differs ? [node(`the operator has ${status.outcome} (${status.reason})`, "unknown")] : []),
    ...warnings.map((warning) => node(`warning: ${warning}`)),
  ]);
}

export interface WantedGrant {
  readonly what: string;
  readonly digest: string | undefined;
  readonly use: Use;
}

export function grantNode(grant: AdmissionGrantSpec, { what, digest, use }: WantedGrant, now: Date): TreeNode {
  if (digest === undefined) return node(`${what} as ${use}: it is not pinned by digest`, "bad");
  const entry = Object.hasOwn(grant.digests, digest) ? grant.digests[digest]?.[use] : undefined;
  if (entry === undefined) return node(`${what} as ${use}: not granted`, "bad");
  const by = entry.grantors.map(({ kind, name }) => `${kind} ${name}`).join(", ");
  const until = `until ${entry.notAfter} (${relative(new Date(entry.notAfter), now, formatDuration)})`;
  return node(`${what} as ${use}: granted ${until} by ${by}`, isGranted(grant, digest, use, now) ? "good" : "bad");
}

export function conditionNodes(conditions: SecureModelStatus["conditions"]): readonly TreeNode[] {
  if (conditions === undefined) return [node("there is none: does the operator run?", "unknown")];
  return conditions.map(({ type, status, reason, message }) => {
    const good = type === "Reconciling" || type === "Stalled" ? "False" : "True";
    // A namespace in Audit is as somebody wants it.
    if (reason === "Audit") return node(`${type}=${status} ${reason}: ${message}`);
    const mood = status === "Unknown" ? "unknown" : status === good ? "good" : type === "Reconciling" ? "plain" : "bad";
    return node(`${type}=${status} ${reason}: ${message}`, mood);
  });
}

export function unansweredNode(what: string, answer: Answer<unknown>): TreeNode {
  return node(`${what}: ${answer.state === "unknown" ? answer.reason : "the API server has none"}`, "unknown");
}
