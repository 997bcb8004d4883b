import type { Check, Outcome } from "./decide.ts";

const words: Record<Outcome, string> = { ok: "ok", lacking: "LACKING", unknown: "cannot tell" };

/** A line for each check, what to do below it, and the count at the end. */
export function render(checks: readonly Check[]): string {
  const width = Math.max(...checks.map((check) => check.name.length));
  const lines = checks.flatMap((check) => {
    const line = `  ${check.name.padEnd(width)}  ${words[check.outcome].padEnd(11)}  ${check.message}`;
    return check.outcome === "ok" || check.remedy === undefined
      ? [line]
      : [line, `${" ".repeat(width + 17)}-> ${check.remedy}`];
  });
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  const total = `${count("ok")} ok, ${count("lacking")} lacking, ${count("unknown")} cannot be told`;
  return `${lines.join("\n")}\n\n${total}\n`;
}
