import { execa } from "execa";

const main = new URL("../../../../src/cli/main.ts", import.meta.url).pathname;

/** Runs the command as users do, in a process of its own. */
export async function mlsecops(args: readonly string[], input?: string) {
  const result = await execa(process.execPath, [main, ...args], {
    reject: false,
    all: true,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
  });
  return { exitCode: result.exitCode, all: result.all, stdout: result.stdout, stderr: result.stderr };
}
