import type { Mood, Paint } from "../render/colour.ts";
import { sparkline } from "../render/sparkline.ts";
import { pairs, table, type Row } from "../render/table.ts";
import type { HistoryEntry, HistoryReport, HistoryRevision, HistorySignal } from "./schema.ts";

const maxNote = 160;
const shortDigest = 19;

/** The revisions, what happened, and the signals, for people. Pure. */
export function render(report: HistoryReport, paint: Paint): string {
  const { namespace, name, ready, revisions, timeline, signals, noSignals, unknown } = report;
  const columns = ["NUMBER", "REVISION", "DIGEST", "PHASE", "VERDICT", "HEALTH", "SERVED FROM", "BANNED"];
  const blocks = [
    pairs(
      [
        ["SecureModel", `${namespace}/${name}`],
        ["Ready", { text: ready ?? "not known: does the operator run?", mood: moodOfReady(ready) }],
      ],
      paint,
    ),
    revisions.length === 0 ? "there is no revision\n" : table(columns, revisions.map(revisionRow), paint),
    timeline.length === 0
      ? "nothing has happened\n"
      : table(["TIME", "WHAT", "OF", "SAYS"], timeline.map(entryRow), paint),
    signals.length === 0
      ? pairs([["no signals", noSignals ?? "they could not be read"]], paint)
      : table(["REVISION", "SIGNAL", "NEWEST", "LOOKS", "PLOT", "SAYS"], signals.map(signalRow), paint),
    ...(unknown.length === 0
      ? []
      : [
          table(
            ["NOT READ", "WHY"],
            unknown.map(({ what, why }): Row => [what, { text: why, mood: "unknown" }]),
            paint,
          ),
        ]),
  ];
  return blocks.join("\n");
}

function revisionRow({ number, name, digest, phase, verdict, health, servedFrom, ban }: HistoryRevision): Row {
  const verdicts: Readonly<Record<string, Mood>> = { Verified: "good", Rejected: "bad", Indeterminate: "unknown" };
  const states: Readonly<Record<string, Mood>> = { Healthy: "good", Unhealthy: "bad", Unknown: "unknown" };
  return [
    ...[String(number), name, digest.slice(0, shortDigest), phase ?? ""],
    { text: verdict ?? "", mood: verdicts[verdict ?? ""] ?? "plain" },
    { text: health ?? "", mood: states[health ?? ""] ?? "plain" },
    servedFrom === undefined ? "" : secondsOf(servedFrom),
    { text: short(ban ?? ""), mood: "bad" },
  ];
}

function entryRow({ at, source, name, what, message, warning }: HistoryEntry): Row {
  const of = source === "Event" ? "Event" : `${source}/${name}`;
  return [secondsOf(at), { text: what, mood: warning ? "bad" : "plain" }, of, short(message)];
}

function signalRow({ revision, signal, tripped, blank, samples }: HistorySignal): Row {
  const newest = samples.at(-1);
  const plot = sparkline(samples.map(({ value }) => value));
  const says = tripped?.why ?? (blank === undefined ? "" : `no value: ${blank}`);
  return [
    ...[revision, signal],
    newest?.value === undefined ? "" : String(Number(newest.value.toPrecision(4))),
    String(samples.length),
    { text: plot, mood: tripped === undefined ? "plain" : "bad" },
    { text: short(says), mood: tripped === undefined ? "unknown" : "bad" },
  ];
}

function moodOfReady(ready: string | undefined): Mood {
  if (ready === undefined) return "unknown";
  return ready.startsWith("True") ? "good" : "bad";
}

function short(text: string): string {
  return text.length > maxNote ? `${text.slice(0, maxNote - 1)}…` : text;
}

/** Of one length, so that columns are: the API server gives seconds, the operator also parts of them. */
function secondsOf(time: string): string {
  const parsed = new Date(time);
  return Number.isNaN(parsed.getTime()) ? time : `${parsed.toISOString().slice(0, 19)}Z`;
}
