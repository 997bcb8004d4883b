import { commands } from "./commands.ts";
import type { Io, Output } from "./io.ts";
import { InputError, UsageError } from "./usage-error.ts";

export type { Output } from "./io.ts";

const width = Math.max(...commands.map(({ name }) => name.length));

const usage = `usage: mlsecops COMMAND [OPTION...]

${commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}

  mlsecops COMMAND --help has the options of each. As a plugin of kubectl it is called kubectl mlsecops.
`;

/** Runs one command; gives the exit status. 2 is a wrong command line, 4 a failure of this program; the rest is the command's. */
export async function run(args: readonly string[], output: Output & Partial<Io>): Promise<number> {
  try {
    return await dispatch(args, { env: process.env, now: () => new Date(), ...output });
  } catch (error) {
    output.err(`mlsecops: ${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof InputError) return 2;
    if (!(error instanceof UsageError)) return 4;
    output.err(`\n${error.usage}`);
    return 2;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: Io): Promise<number> {
  if (name === undefined) throw new UsageError("a command is needed", usage);
  if (["help", "-h", "--help"].includes(name)) {
    io.out(usage);
    return 0;
  }
  const found = commands.find((command) => command.name === (name === "--version" ? "version" : name));
  if (found === undefined) throw new UsageError(`there is no command '${name}'`, usage);
  return found.run(rest, io);
}
