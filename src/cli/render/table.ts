import type { Mood, Paint } from "./colour.ts";
import { plain } from "./text.ts";

export interface Cell {
  readonly text: string;
  readonly mood: Mood;
}

export type Row = readonly (string | Cell)[];

/** Columns under headings, as kubectl prints them. Empty cells are shown as "-". */
export function table(headings: readonly string[], rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => headings.map((_, column) => cellOf(row[column] ?? "")));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]) =>
    row
      // What is last needs no padding: a long message would make every line as long.
      .map(({ text, mood }, column) =>
        paint(text, mood).concat(column === row.length - 1 ? "" : " ".repeat((widths[column] ?? 0) - text.length)),
      )
      .join("  ")
      .trimEnd();
  return [headings.map((text): Cell => ({ text, mood: "plain" })), ...cells].map(line).join("\n").concat("\n");
}

/** Names on the left, what they have on the right. */
export function pairs(rows: readonly (readonly [string, string | Cell])[], paint: Paint): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, value]) => {
      const { text, mood } = cellOf(value);
      return `${name.padEnd(width)}  ${paint(text, mood)}\n`;
    })
    .join("");
}

function cellOf(value: string | Cell): Cell {
  const { text, mood } = typeof value === "string" ? { text: value, mood: "plain" as const } : value;
  return { text: text === "" ? "-" : plain(text), mood };
}
