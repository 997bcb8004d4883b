import type { Command, Completion, Option } from "../command.ts";

/** What may follow an option: nothing for a switch. */
export function valuesOf({ type, choices, complete }: Option): Completion | "any" | undefined {
  if (type === "boolean") return undefined;
  return choices ?? complete ?? "any";
}

/** As they are typed: --namespace, and -n. */
export function flagsOf(name: string, { short }: Option): readonly string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

/** What may stand in the place of a command's own arguments. */
export function wordsOf({ positionals }: Command): readonly string[] {
  return positionals.flatMap(({ choices = [] }) => choices);
}
