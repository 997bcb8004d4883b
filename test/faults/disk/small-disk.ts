import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** In a mount namespace of its own, so that the disk is nobody else's and ends with the process. Needs no root. */
const shell = 'mount -t tmpfs -o size=128k,mode=700 none "$1" && exec "$2" "$3" "$1"';

/** Runs a program beside this file on a disk of 128 KiB, whose path is its argument. Gives what it printed, read as JSON. */
export async function onSmallDisk(program: string): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), "small-disk-"));
  const path = fileURLToPath(new URL(program, import.meta.url));
  const inside = ["sh", "-c", shell, "sh", directory, process.execPath, path];
  try {
    const { stdout } = await run("unshare", ["--map-root-user", "--mount", ...inside]);
    return JSON.parse(stdout);
  } finally {
    await rm(directory, { recursive: true });
  }
}
