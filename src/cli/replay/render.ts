import type { Mood, Paint } from "../render/colour.ts";
import { pairs, table } from "../render/table.ts";
import type { ReplayChange, ReplayReport, Side } from "./schema.ts";

const moods: Readonly<Record<ReplayChange["effect"], Mood>> = {
  Quarantined: "bad",
  Refused: "bad",
  Unknown: "unknown",
  Other: "plain",
  Admitted: "good",
};

/** What changes, the worst first, and how many stay as they are. Pure. */
export function render({ policies, changes, untouched, unknown, source }: ReplayReport, paint: Paint): string {
  const { added, changed, removed } = policies;
  const named = (what: string, names: readonly string[]) => (names.length === 0 ? [] : [`${what} ${names.join(", ")}`]);
  const differences = [...named("added", added), ...named("changed", changed), ...named("removed", removed)];
  const rows = changes.map(({ kind, namespace, name, part, effect, before, after }) => [
    kind === "SecureModel" ? `SecureModel ${namespace}/${name}` : `SecureNamespace ${name}`,
    part,
    { text: effect, mood: moods[effect] },
    `${wordsOf(before)} -> ${wordsOf(after)}`,
    after.message,
  ]);
  const count = (effect: ReplayChange["effect"]) => changes.filter((change) => change.effect === effect).length;
  const from = source === "Status" ? " (from statuses only)" : "";
  return [
    `policies: ${differences.length === 0 ? "as they are" : differences.join("; ")}\n\n`,
    ...(rows.length === 0 ? [] : [table(["OBJECT", "PART", "EFFECT", "VERDICT", "WHY"], rows, paint), "\n"]),
    ...unknown.map(({ what, why }) =>
      pairs([[`cannot tell ${what}:`, { text: why, mood: "unknown" as const }]], paint),
    ),
    `${count("Quarantined")} would be quarantined, ${count("Refused")} refused, ${count("Admitted")} admitted, ` +
      `${count("Other")} changed otherwise, ${count("Unknown")} unknown, ${untouched} untouched${from}\n`,
  ].join("");
}

function wordsOf({ outcome, reason }: Side): string {
  return outcome === reason ? outcome : `${outcome} (${reason})`;
}
