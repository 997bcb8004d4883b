import type { Mood, Paint } from "../render/colour.ts";
import { pairs, table, type Row } from "../render/table.ts";
import type { ReachReport } from "./schema.ts";

const moods: Readonly<Record<ReachReport["outcome"], Mood>> = { Allowed: "good", Denied: "bad", Unknown: "unknown" };

/** For people. */
export function render({ from, to, outcome, why, by, backends, unknown }: ReachReport, paint: Paint): string {
  const mood = moods[outcome];
  const deciding = by.map(({ side, kind, namespace, name, rule }): Row => [
    side.toLowerCase(),
    kind,
    `${namespace === undefined ? "" : `${namespace}/`}${name}`,
    rule === undefined ? "none allows it" : String(rule),
  ]);
  const behind = backends.map((one): Row => [
    one.pod,
    one.port === undefined ? "" : String(one.port),
    { text: one.outcome, mood: moods[one.outcome] },
    one.why,
  ]);
  return [
    pairs(
      [
        ["from", from],
        ["to", to],
        ["outcome", { text: outcome, mood }],
        ["why", why],
      ],
      paint,
    ),
    ...(deciding.length === 0 ? [] : ["\n", table(["SIDE", "KIND", "DECIDED BY", "RULE"], deciding, paint)]),
    ...(behind.length === 0 ? [] : ["\n", table(["POD", "PORT", "OUTCOME", "WHY"], behind, paint)]),
    ...(unknown.length === 0
      ? []
      : [
          "\n",
          table(
            ["NOT READ", "WHY"],
            unknown.map(({ what, why }): Row => [what, { text: why, mood: "unknown" }]),
            paint,
          ),
        ]),
  ].join("");
}
