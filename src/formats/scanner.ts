import { execa, type Options } from "execa";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentFactsSchema, type ContentFacts, type IncompleteReason } from "./facts.ts";
import { DEFAULT_LIMITS, type ScanLimits } from "./limits.ts";
import { packingOf } from "./scan-layer.ts";
import { Slots } from "./slots.ts";

export interface ScannerOptions {
  /** How many layers may be scanned at once: each takes a process of at most some 200 MB. */
  readonly concurrency?: number | undefined;
  /** From the first byte of a layer to the last fact about it. */
  readonly timeoutMs?: number | undefined;
  readonly limits?: Partial<ScanLimits> | undefined;
  /** What is started instead of Node with its arguments; it gets the description of the layer as its last argument. */
  readonly command?: readonly [file: string, ...args: string[]] | undefined;
}

export interface LayerToScan {
  readonly mediaType: string;
  /** "sha256:…", which the caller compares with the bytes that it writes. It spares hashing a raw layer again. */
  readonly digest?: string | undefined;
  /** Of a raw layer: the name under which it is stored, such as its org.opencontainers.image.title. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One layer on its way through the scanner. Exactly one of end and abandon has to be called. */
export interface LayerScan {
  /** Takes the next bytes; wait for it before the next. It never fails: end tells what went wrong. */
  write(chunk: Buffer): Promise<void>;
  /** Says that these were all, and what is in them. */
  end(): Promise<ContentFacts>;
  /** For when the bytes cannot be had: ends the process. */
  abandon(): Promise<void>;
}

const maxOutputBytes = 16 * 1024 * 1024;
const maxHeapMiB = 128;
const maxDetail = 512;

/**
 * Scans layers, each in a process of its own: without environment, without the right to open files beside its program
 * or to start others, with little memory and a time limit. Whatever becomes of the process, the outcome says so.
 */
export class FormatScanner {
  readonly #slots: Slots;
  readonly #timeoutMs: number;
  readonly #limits: ScanLimits;
  readonly #command: Command;

  constructor(options: ScannerOptions = {}) {
    this.#slots = new Slots(options.concurrency ?? 2);
    this.#timeoutMs = options.timeoutMs ?? 600_000;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#command = options.command ?? nodeCommand();
  }

  /** Waits for a place and starts. A pause of whoever writes counts against the time, too. */
  async start(layer: LayerToScan): Promise<LayerScan> {
    const release = await this.#slots.take();
    const start = { command: this.#command, limits: this.#limits, timeoutMs: this.#timeoutMs, release };
    try {
      return new ChildScan(layer, start);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** For callers that have the whole layer in hand. */
  async scan(layer: LayerToScan, content: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<ContentFacts> {
    const scan = await this.start(layer);
    try {
      for await (const chunk of content) await scan.write(chunk);
    } catch (error) {
      await scan.abandon();
      throw error;
    }
    return scan.end();
  }
}

type Command = readonly [file: string, ...args: string[]];

interface Start {
  readonly command: Command;
  readonly limits: ScanLimits;
  readonly timeoutMs: number;
  readonly release: () => void;
}

class ChildScan implements LayerScan {
  readonly #controller = new AbortController();
  readonly #child: ReturnType<typeof run>;
  readonly #result: Promise<ContentFacts>;
  #isOver = false;

  constructor(layer: LayerToScan, { command, limits, timeoutMs, release }: Start) {
    const packing = packingOf(layer.mediaType);
    const sha256 = packing === "raw" ? layer.digest?.replace(/^sha256:/, "") : undefined;
    const description = JSON.stringify({ layer: { packing, name: layer.name ?? "", sha256 }, limits });
    const stop = (): void => this.#controller.abort();
    layer.signal?.addEventListener("abort", stop, { once: true });
    if (layer.signal?.aborted === true) stop();
    this.#child = run([...command, description], { timeout: timeoutMs, cancelSignal: this.#controller.signal });
    // A process that has ended takes no more; what became of it is told by its result.
    this.#child.stdin.on("error", () => undefined);
    this.#result = this.#child
      .then((result) => outcomeOf(result, timeoutMs))
      .finally(() => {
        this.#isOver = true;
        layer.signal?.removeEventListener("abort", stop);
        release();
      });
  }

  async write(chunk: Buffer): Promise<void> {
    const { stdin } = this.#child;
    if (this.#isOver || stdin.destroyed || stdin.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stdin.off("drain", go).off("close", go);
        resolve();
      };
      stdin.once("drain", go).once("close", go);
      void this.#result.then(go);
    });
  }

  async end(): Promise<ContentFacts> {
    this.#child.stdin.end();
    return this.#result;
  }

  async abandon(): Promise<void> {
    this.#controller.abort();
    await this.#result;
  }
}

interface ChildResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly isMaxBuffer: boolean;
}

function run([file, ...args]: Command, limits: { readonly timeout: number; readonly cancelSignal: AbortSignal }) {
  const options = {
    ...limits,
    cwd: "/",
    extendEnv: false,
    env: {},
    preferLocal: false,
    shell: false,
    stdin: "pipe",
    reject: false,
    killSignal: "SIGKILL",
    maxBuffer: maxOutputBytes,
  } as const satisfies Options;
  return execa(file, args, options);
}

/** How the program in the other process is started: from its source, or as the image's bundle has it beside this file. */
function nodeCommand(): Command {
  const isSource = import.meta.url.endsWith(".ts");
  // Unknown to Node 20.
  const stripsTypes = Boolean(process.features.typescript);
  const directory = dirname(fileURLToPath(import.meta.url));
  const entry = join(directory, isSource ? "child.ts" : "format-scan.mjs");
  const flags = [`--max-old-space-size=${maxHeapMiB}`, "--disallow-code-generation-from-strings"];
  if (isSource && !stripsTypes) {
    // Node 20 strips no types; tsx reads where it likes.
    return [process.execPath, ...flags, `--import=${import.meta.resolve("tsx")}`, entry];
  }
  const readable = isSource ? [directory, join(directory, "../../package.json")] : [directory];
  return [process.execPath, ...flags, "--permission", ...readable.map((path) => `--allow-fs-read=${path}`), entry];
}

function outcomeOf(result: ChildResult, timeoutMs: number): ContentFacts {
  const incomplete = (reason: IncompleteReason, detail: string): ContentFacts => ({
    state: "Incomplete",
    reason,
    detail: detail.slice(0, maxDetail),
  });
  if (result.timedOut) return incomplete("TimedOut", `it took longer than ${timeoutMs} ms`);
  if (result.isCanceled) return incomplete("Cancelled", "its result is no longer wanted");
  if (result.isMaxBuffer) return incomplete("Unparsable", "it printed more than it may");
  if (/heap out of memory|Array buffer allocation failed/.test(result.stderr) || result.signal === "SIGKILL") {
    return incomplete("OutOfMemory", "the scan needs more memory than it may have");
  }
  if (result.signal !== undefined) return incomplete("Crashed", `the scan was ended by ${result.signal}`);
  if (result.exitCode === undefined) {
    return incomplete("CannotStart", `the scan could not be started (${String(result.code)})`);
  }
  if (result.exitCode !== 0) {
    const reason = result.stderr.split("\n").find((line) => /Error\b/.test(line)) ?? "";
    return incomplete("Crashed", `the scan ended with exit code ${result.exitCode}: ${reason}`);
  }
  const parsed = contentFactsSchema.safeParse(parseJson(result.stdout));
  return parsed.success ? parsed.data : incomplete("Unparsable", "the scan printed no facts that can be read");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
