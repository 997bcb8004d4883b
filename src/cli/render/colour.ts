import type { Io } from "../io.ts";

/** How something stands. */
export type Mood = "good" | "bad" | "unknown" | "plain";

export type Paint = (text: string, mood: Mood) => string;

const codes: Readonly<Record<Mood, string>> = { good: "32", bad: "31", unknown: "33", plain: "" };

/** Colours for a terminal, unless NO_COLOR says no (no-color.org); else text as it is. */
export function paintFor({ terminal, env }: Pick<Io, "terminal" | "env">): Paint {
  const isWanted = terminal?.out === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  if (!isWanted) return (text) => text;
  return (text, mood) => (codes[mood] === "" ? text : `\u001b[${codes[mood]}m${text}\u001b[0m`);
}

export const noPaint: Paint = (text) => text;
