import type { Command, Option } from "../command.ts";
import { flagsOf, valuesOf, wordsOf } from "./words.ts";

export function zsh(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = commands.map((command) => {
    const specs = Object.entries(command.options).flatMap(([name, option]) => specsOf(name, option));
    const words = wordsOf(command);
    const own = words.length === 0 ? [] : [quote(`1:argument:(${words.join(" ")})`)];
    return `    ${command.name}) _arguments ${[...specs, ...own].join(" ")} ;;`;
  });
  return `#compdef mlsecops
# zsh completion of mlsecops: mlsecops completion zsh > a file _mlsecops in a folder of $fpath
_mlsecops() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _mlsecops ]]; then _mlsecops "$@"; else compdef _mlsecops mlsecops; fi
`;
}

function specsOf(name: string, option: Option): readonly string[] {
  const help = option.help.replace(/[[\]:]/g, " ");
  const after = valuesOf(option);
  const value =
    after === undefined
      ? ""
      : `:${(option.value ?? "value").toLowerCase()}:${{ any: " ", file: "_files", directory: "_files -/" }[after as string] ?? `(${(after as readonly string[]).join(" ")})`}`;
  return flagsOf(name, option).map((flag) => quote(`*${flag}[${help}]${value}`));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
