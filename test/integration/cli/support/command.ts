import { execa } from "execa";

const main = new URL("../../../../src/cli/main.ts", import.meta.url).pathname;

/** Runs the command as users do, in a process of its own; `within` another command, such as unshare. */
export async function mlsecops(args: readonly string[], within: readonly string[] = []) {
  const [file = process.execPath, ...rest] = [...within, process.execPath, main, ...args];
  const result = await execa(file, rest, { reject: false, all: true, stdin: "ignore" });
  return { exitCode: result.exitCode, all: result.all, stdout: result.stdout, stderr: result.stderr };
}
