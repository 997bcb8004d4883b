import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { ClusterTrustPolicy } from "../../api/index.ts";
import { InputError } from "../usage-error.ts";
import { parsePolicies } from "./parse.ts";

/** Policies in a file; "-" is standard input. @throws InputError with every problem, one a line. */
export async function readPolicyFile(path: string): Promise<readonly ClusterTrustPolicy[]> {
  let content: string;
  try {
    content = path === "-" ? await text(process.stdin) : await readFile(path, "utf8");
  } catch (error) {
    throw new InputError(`--policy ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const parsed = parsePolicies(content);
  if (parsed.ok) return parsed.policies;
  throw new InputError(`--policy ${path}:\n${parsed.problems.map((problem) => `  ${problem}`).join("\n")}`);
}
