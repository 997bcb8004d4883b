import { formatDuration } from "../../trust/index.ts";
import type { Mood, Paint } from "../render/colour.ts";
import { pairs, table } from "../render/table.ts";
import { relative } from "../render/text.ts";
import type { StatusReport, StatusRow } from "./schema.ts";

const maxNote = 160;

/** One table, what needs attention first; what could not be read below it. Pure. */
export function render({ rows, unknown }: StatusReport, now: Date, paint: Paint): string {
  const headings = ["KIND", "NAMESPACE", "NAME", "READY", "SERVING", "VERDICT", "VALID", "CHECK", "ATTENTION"];
  const time = (text: string | undefined) => (text === undefined ? "" : relative(new Date(text), now, formatDuration));
  const lines = rows.map((row) => [
    ...[row.kind, row.namespace ?? "", row.name],
    { text: row.ready === "True" ? "True" : `${row.ready} ${row.reason}`, mood: moodOf(row.ready) },
    row.serving === undefined ? "" : { text: row.serving, mood: moodOf(row.serving) },
    ...[row.verdict ?? "", time(row.validUntil), time(row.recheckAfter)],
    noteOf(row),
  ]);
  const body =
    rows.length === 0 ? "there is nothing of the kinds of mlsecops.io here\n" : table(headings, lines, paint);
  const rest = unknown.map(({ what, why }) => pairs([[`cannot tell ${what}:`, { text: why, mood: "unknown" }]], paint));
  const count = (ready: StatusRow["ready"]) => rows.filter((row) => row.ready === ready).length;
  const total = `${count("True")} Ready, ${count("False")} not Ready, ${count("Unknown")} unknown`;
  return `${body}${rest.length === 0 ? "" : `\n${rest.join("")}`}\n${total}\n`;
}

function noteOf({ attention }: StatusRow): string {
  const [first = "", ...more] = attention;
  const text = first.length > maxNote ? `${first.slice(0, maxNote - 1)}…` : first;
  return more.length === 0 ? text : `${text} (and ${more.length} more: -o json)`;
}

function moodOf(status: StatusRow["ready"]): Mood {
  return ({ True: "good", False: "bad", Unknown: "unknown" } as const)[status];
}
