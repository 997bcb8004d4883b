import { runAudit } from "./audit/command.ts";
import { runPreflight } from "./preflight/command.ts";
import { UsageError } from "./usage-error.ts";

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const usage = `usage: mlsecops COMMAND [OPTION...]

  audit       checks the evidence of the operator's decisions
  preflight   says whether the cluster that KUBECONFIG names can run the operator

  mlsecops COMMAND --help has the options of each.
`;

/** Runs one command; gives the exit status. 2 is a wrong command line, 4 a failure of this program; the rest is the command's. */
export async function run(args: readonly string[], output: Output): Promise<number> {
  try {
    return await dispatch(args, output);
  } catch (error) {
    output.err(`mlsecops: ${error instanceof Error ? error.message : String(error)}\n`);
    if (!(error instanceof UsageError)) return 4;
    output.err(`\n${error.usage}`);
    return 2;
  }
}

async function dispatch([command, ...rest]: readonly string[], output: Output): Promise<number> {
  const { out } = output;
  switch (command) {
    case "audit":
      return runAudit(rest, output);
    case "preflight":
      return runPreflight(rest, out);
    case "help":
    case "-h":
    case "--help":
      out(usage);
      return 0;
    case undefined:
      throw new UsageError("a command is needed", usage);
    default:
      throw new UsageError(`there is no command '${command}'`, usage);
  }
}
