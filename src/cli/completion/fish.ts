import type { Command, Option } from "../command.ts";
import { valuesOf, wordsOf } from "./words.ts";

export function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const within = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const words = wordsOf(command);
    return [
      `complete -c mlsecops -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`,
      ...(words.length === 0 ? [] : [`complete -c mlsecops ${within} -f -a ${quote(words.join(" "))}`]),
      ...Object.entries(command.options).map(
        ([name, option]) => `complete -c mlsecops ${within} ${optionOf(name, option)} -d ${quote(option.help)}`,
      ),
    ];
  });
  return `# fish completion of mlsecops: mlsecops completion fish | source\n${lines.join("\n")}\n`;
}

function optionOf(name: string, option: Option): string {
  const flags = `-l ${name}${option.short === undefined ? "" : ` -s ${option.short}`}`;
  const after = valuesOf(option);
  if (after === undefined) return `-f ${flags}`;
  if (after === "file") return `-r -F ${flags}`;
  if (after === "directory") return `-x ${flags} -a '(__fish_complete_directories)'`;
  return after === "any" ? `-x ${flags}` : `-x ${flags} -a ${quote(after.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
