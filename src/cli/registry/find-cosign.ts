import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** The path that was given, else cosign as the shell would find it, else where the operator's image has it. */
export function findCosign(given: string | undefined, path: string | undefined): string {
  if (given !== undefined) return resolve(given);
  const candidates = (path ?? "").split(delimiter).filter(isAbsolute);
  return candidates.map((directory) => join(directory, "cosign")).find(isExecutable) ?? "/usr/local/bin/cosign";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
