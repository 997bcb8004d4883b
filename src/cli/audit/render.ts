import type { ChainReport } from "../../governance/index.ts";
import { type Verdict, nameOf } from "./decide.ts";

const header = ["CHAIN", "RECORDS", "FIRST", "LAST", "OUTCOME"] as const;

/** A row for each chain, what is broken below it, and the sum at the end. */
export function render({ chains, unknownHeads, missing, sound }: Verdict): string {
  const rows = chains.map((report) => rowOf(report));
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const body = chains.flatMap((report, index) => [
    line(rows[index] ?? []),
    ...(report.broken === undefined
      ? []
      : [`  -> record ${report.broken.sequence}: ${report.broken.problem}: ${printable(report.broken.message)}`]),
  ]);
  const others = [
    ...(missing === undefined ? [] : [`${missing}: there is no chain of it`]),
    ...unknownHeads.map((head) => `${head}: there is no sound or broken record of that digest; it was removed`),
  ];
  const broken = chains.filter((report) => report.broken !== undefined).length;
  const records = chains.reduce((sum, report) => sum + report.records, 0);
  const total = `${chains.length} chains, ${records} records, ${broken} broken: ${sound ? "sound" : "BROKEN"}`;
  return `${[line(header), ...body, ...others].join("\n")}\n\n${total}\n`;
}

export function renderJson(verdict: Verdict): string {
  return `${JSON.stringify(verdict, undefined, 2)}\n`;
}

/** A message may repeat a part of a record that nobody vouches for. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}

function rowOf({ chain, object, records, first, last, lost, broken }: ChainReport): readonly string[] {
  const gap = lost === 0 ? "" : ` (${lost} decisions lost)`;
  const outcome = broken === undefined ? `sound${gap}` : "BROKEN";
  return [object === undefined ? chain : nameOf(object), String(records), first ?? "-", last ?? "-", outcome];
}
