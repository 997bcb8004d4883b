import { type Command, defineCommand } from "../command.ts";
import { bash } from "./bash.ts";
import { fish } from "./fish.ts";
import { zsh } from "./zsh.ts";

const scripts = { bash, zsh, fish } as const;

/** `commands` is asked for late: this command is one of them. */
export function completion(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "completion",
    summary: "a script that lets the shell complete commands and options",
    about: `Prints a script for the shell. For bash: source <(mlsecops completion bash). For zsh: mlsecops completion zsh into a file
_mlsecops of $fpath. For fish: mlsecops completion fish | source.`,
    positionals: [{ name: "SHELL", help: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
    options: {},
    exits: [{ status: 0, meaning: "always" }],
    run: ({ positionals: [shell] }, { out }) => {
      out(scripts[shell as keyof typeof scripts](commands()));
      return Promise.resolve(0);
    },
  });
}
