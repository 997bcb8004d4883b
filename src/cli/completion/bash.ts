import type { Command } from "../command.ts";
import { flagsOf, valuesOf, wordsOf } from "./words.ts";

/** For bash 3.2 and newer, without the package bash-completion. */
export function bash(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const values = commands.flatMap((command) =>
    Object.entries(command.options).flatMap(([name, option]) => {
      const after = valuesOf(option);
      if (after === undefined) return [];
      const flags = flagsOf(name, option).map((flag) => `"${command.name} ${flag}"`);
      return [`    ${flags.join(" | ")}) ${replyFor(after)} ;;`];
    }),
  );
  const words = commands.map((command) => {
    const flags = Object.entries(command.options).flatMap(([name, option]) => flagsOf(name, option));
    return `    ${command.name}) COMPREPLY=($(compgen -W "${[...wordsOf(command), ...flags].join(" ")}" -- "$word")) ;;`;
  });
  return `# bash completion of mlsecops: source <(mlsecops completion bash)
_mlsecops() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${names} help" -- "$word"))
    return
  fi
  case "$command $before" in
${values.join("\n")}
    *)
      case $command in
${words.map((line) => `    ${line}`).join("\n")}
      esac
      ;;
  esac
}
complete -F _mlsecops mlsecops
`;
}

function replyFor(after: Exclude<ReturnType<typeof valuesOf>, undefined>): string {
  if (after === "any") return "COMPREPLY=()";
  if (after === "file") return `COMPREPLY=($(compgen -f -- "$word"))`;
  if (after === "directory") return `COMPREPLY=($(compgen -d -- "$word"))`;
  return `COMPREPLY=($(compgen -W "${after.join(" ")}" -- "$word"))`;
}
