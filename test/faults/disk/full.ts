import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Takes all the room that is left on the disk of the directory. Returns what gives it back. */
export async function fill(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, "filler");
  for (const bytes of [64 * 1024, 4 * 1024, 1]) {
    for (;;) {
      try {
        await writeFile(path, Buffer.alloc(bytes), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        break;
      }
    }
  }
  return () => rm(path);
}
