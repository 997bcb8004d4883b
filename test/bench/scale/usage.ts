import { readFile } from "node:fs/promises";

const mebibyte = 1024;
/** USER_HZ, which is 100 on all that Linux runs on. */
const ticksPerSecond = 100;

/** What a process has taken, by the kernel. */
export interface Usage {
  /** MiB in memory, with what is mapped from files. */
  readonly rss: number;
  /** MiB of it that are its own. */
  readonly anonymous: number;
  /** MiB in memory at most, since it began. */
  readonly peak: number;
  /** Seconds of processor time since it began, in all its threads. */
  readonly cpu: number;
}

/** @throws where the process has ended. */
export async function usageOf(pid: number): Promise<Usage> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/stat`, "utf8"),
  ]);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / mebibyte;
  // The name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpu = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  return { rss: field("VmRSS"), anonymous: field("RssAnon"), peak: field("VmHWM"), cpu };
}
