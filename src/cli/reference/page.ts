/** The reference of the command line, as one Markdown page. Pure: made from the same table as the help. */
import { z } from "zod";
import type { Command } from "../command.ts";
import { fieldLines } from "./fields.ts";

export interface Shape {
  readonly command: string;
  readonly schema: z.ZodType;
}

export function referencePage(commands: readonly Command[], shapes: readonly Shape[]): string {
  return [
    "# Command line",
    "",
    "<!-- Generated from src/cli; do not edit. A test says how to write it anew. -->",
    "",
    "`mlsecops COMMAND`, or `kubectl mlsecops COMMAND` as a plugin. How to use it: [guide](../guide/command-line.md).",
    "",
    ...commands.map(({ name, summary }) => `- [${name}](#${name}): ${summary}`),
    "",
    "Every command ends with 2 where its command line is wrong, and with 4 where the program itself failed. What stands for an",
    "outcome is on stdout; errors and progress are on stderr. Colours are shown on a terminal, unless `NO_COLOR` is set.",
    "",
    ...commands.flatMap((command) =>
      section(
        command,
        shapes.find((shape) => shape.command === command.name),
      ),
    ),
  ].join("\n");
}

function section({ name, usage }: Command, shape: Shape | undefined): readonly string[] {
  return [
    `## ${name}`,
    "",
    "```text",
    usage.trimEnd(),
    "```",
    "",
    ...(shape === undefined ? [] : ["With `-o json`:", "", ...fieldLines(z.toJSONSchema(shape.schema)), ""]),
  ];
}
