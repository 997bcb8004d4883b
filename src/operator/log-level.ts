import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type Clock, type Logger, sleep } from "../kube/index.ts";

export const LogLevel = z.enum(["trace", "debug", "info", "warn", "error"]);

/** How often the file is read: the kubelet takes up to a minute to bring what a ConfigMap says. */
const everyMs = 5_000;

/**
 * Keeps the level of the log at what a file says, until the signal aborts. A file that is missing, or says something else,
 * changes nothing. Never rejects.
 */
export async function followLogLevel(
  path: string,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  let said: string | undefined;
  do {
    // Where it is missing, the level stays.
    const text = await readFile(path, "utf8").then(
      (content) => content.trim(),
      () => said,
    );
    if (text === undefined || text === said) continue;
    said = text;
    const level = LogLevel.safeParse(text);
    if (!level.success) {
      const problem = `the log level stays ${log.level}: ${path} says ${JSON.stringify(text.slice(0, 32))}; write one of ${LogLevel.options.join(", ")}`;
      log.warn(problem);
    } else if (level.data !== log.level) {
      log.info({ from: log.level, to: level.data }, "the log level is another one");
      log.level = level.data;
    }
  } while (await sleep(clock, everyMs, signal));
}
