import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

/** What one program asked of the API server. */
export interface Asked {
  readonly requests: number;
  /** Of these: what changes something, without dry runs and Events. */
  readonly writes: number;
  readonly events: number;
  /** When it last asked for anything but a watch, by `performance.now()`; undefined before the first time. */
  readonly lastAt: number | undefined;
  /** Verb, resource and subresource to how often. */
  readonly by: Readonly<Record<string, number>>;
}

interface Entry {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

const changing = ["create", "update", "patch", "delete", "deletecollection"];
const everyMs = 250;

/** Counts by user agent what the API server writes into its audit log, which names no Lease. The file may be rotated. */
export class AuditTail {
  readonly #path: string;
  readonly #counts = new Map<string, { by: Map<string, number>; lastAt: number | undefined }>();
  #file: FileHandle | undefined;
  #inode: bigint | undefined;
  #rest = "";
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  /** `agents`: how the user agents begin that are counted. */
  constructor(agents: readonly string[], state = process.env["MLSECOPS_CLUSTER_STATE"]) {
    if (state === undefined)
      throw new Error("the audit log of a local cluster is needed: use tools/cluster/cluster exec");
    this.#path = join(state, "log", "audit.log");
    for (const agent of agents) this.#counts.set(agent, { by: new Map(), lastAt: undefined });
  }

  /** Only what is asked from now on counts. */
  async start(): Promise<void> {
    await this.#read({ skip: true });
    this.#timer = setInterval(() => {
      this.#reading = this.#reading.then(() => this.#read({ skip: false }));
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
    await this.#file?.close();
  }

  of(agent: string): Asked {
    const { by, lastAt } = this.#counts.get(agent) ?? { by: new Map<string, number>(), lastAt: undefined };
    const sum = (matches: (what: string) => boolean): number =>
      [...by].reduce((total, [what, count]) => total + (matches(what) ? count : 0), 0);
    const isEvent = (what: string): boolean => /^\S+ events( |$)/.test(what) && isChange(what);
    return {
      requests: sum(() => true),
      writes: sum((what) => isChange(what) && !isEvent(what)),
      events: sum(isEvent),
      lastAt,
      by: Object.fromEntries([...by].sort(([, a], [, b]) => b - a)),
    };
  }

  async #read({ skip }: { readonly skip: boolean }): Promise<void> {
    const current = await open(this.#path, "r");
    const { ino } = await current.stat({ bigint: true });
    if (this.#file === undefined) {
      [this.#file, this.#inode] = [current, ino];
      await this.#drain(skip);
      return;
    }
    await this.#drain(skip);
    if (ino === this.#inode) return current.close();
    // Rotated: the old one was read to its end.
    await this.#file.close();
    [this.#file, this.#inode] = [current, ino];
    await this.#drain(skip);
  }

  async #drain(skip: boolean): Promise<void> {
    const buffer = Buffer.alloc(1024 * 1024);
    for (;;) {
      const { bytesRead } = (await this.#file?.read(buffer, 0, buffer.length, null)) ?? { bytesRead: 0 };
      if (bytesRead === 0) return;
      if (skip) continue;
      const lines = (this.#rest + buffer.toString("latin1", 0, bytesRead)).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#count(line);
    }
  }

  #count(line: string): void {
    const agent = [...this.#counts.keys()].find((one) => line.includes(`"userAgent":"${one}`));
    const counted = agent === undefined ? undefined : this.#counts.get(agent);
    if (counted === undefined) return;
    const { stage, verb, requestURI, objectRef } = JSON.parse(line) as Entry;
    // A watch is told of twice.
    if (stage === "ResponseStarted") return;
    const { resource = "other", subresource } = objectRef ?? {};
    const parts = [verb, resource, subresource, requestURI.includes("dryRun") ? "(dry run)" : undefined];
    const what = parts.filter((part) => part !== undefined).join(" ");
    counted.by.set(what, (counted.by.get(what) ?? 0) + 1);
    if (verb !== "watch") counted.lastAt = performance.now();
  }
}

function isChange(what: string): boolean {
  return changing.includes(what.split(" ")[0] ?? "") && !what.endsWith("(dry run)");
}

/** What was asked between two looks. */
export function askedSince(before: Asked, after: Asked): Asked {
  const by = Object.entries(after.by).flatMap(([what, count]) => {
    const more = count - (before.by[what] ?? 0);
    return more === 0 ? [] : [[what, more] as const];
  });
  return {
    requests: after.requests - before.requests,
    writes: after.writes - before.writes,
    events: after.events - before.events,
    lastAt: after.lastAt,
    by: Object.fromEntries(by),
  };
}
