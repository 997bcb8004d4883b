import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Base64 by key, as a Secret's `data`. */
export type SecretData = Readonly<Record<string, string>>;

const maxBytes = 1024 * 1024;

/**
 * A Secret as files, one a key: DIR/<secret>/<key>, which is also how a volume shows it. Undefined where there is no such
 * folder. Only names that the folder itself lists are opened, so no key leads out of it.
 */
export async function readSecretFiles(directory: string, secret: string): Promise<SecretData | undefined> {
  // Names of Secrets have been checked; this one would be the folder itself or the one above.
  if (/^\.+$/.test(secret) || secret.includes("/")) return undefined;
  const folder = join(directory, secret);
  const names = await namesIn(folder);
  if (names === undefined) return undefined;
  const data: Record<string, string> = {};
  for (const name of names) {
    // What a volume keeps for itself.
    if (name.startsWith("..")) continue;
    const path = join(folder, name);
    const found = await stat(path);
    if (found.isFile() && found.size <= maxBytes) data[name] = (await readFile(path)).toString("base64");
  }
  return data;
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
