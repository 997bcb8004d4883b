import { createHash } from "node:crypto";
import type { Descriptor } from "./manifest.ts";
import type { Reference } from "./reference.ts";
import { isContentProblem, type Manifest, RegistryClient, type RegistryReader, type OpenSink } from "./registry.ts";
import { isRegistryError, RegistryError, type RegistryErrorCode } from "./registry-error.ts";
import { sourcesOf, type RegistryMirror } from "./registry-mirrors.ts";
import type { RegistryOptions } from "./registry-session.ts";

/** Reads an artifact from where the administrator has it read: mirrors first, or the registry of its name. */
export function connectRegistry(
  reference: Pick<Reference, "registry" | "repository" | "name">,
  mirrors: readonly RegistryMirror[],
  options: RegistryOptions,
): RegistryReader {
  const sources = sourcesOf(reference, mirrors).map(({ place, isOrigin }) => ({
    host: place.registry,
    isOrigin,
    reader: new RegistryClient(place, options),
  }));
  const [only] = sources;
  return only?.isOrigin === true ? only.reader : new MirroredRegistry(sources);
}

interface Tried {
  readonly host: string;
  readonly isOrigin: boolean;
  readonly reader: RegistryReader;
}

interface Failure {
  readonly source: Tried;
  readonly error: RegistryError;
}

/**
 * Asks one place after the other until one has an answer. What a mirror has not, refuses or fails at is asked for at the
 * next; only where all fail has the whole failed. Content is compared by its digest as everywhere, so a mirror can leave
 * something out but put nothing in. What the registry itself says it has not is not there, whatever mirrors say: some
 * answer 500 for what they cannot find.
 */
export class MirroredRegistry implements RegistryReader {
  readonly #sources: readonly Tried[];
  readonly #warnings = new Map<Tried, string>();
  /** Those that did not answer: they are not waited for again while this one artifact is read. */
  readonly #down = new Map<Tried, RegistryError>();

  constructor(sources: readonly Tried[]) {
    this.#sources = sources;
  }

  get identity(): string {
    const identities = this.#sources.map(({ reader }) => reader.identity);
    if (new Set(identities).size === 1) return identities[0] ?? "";
    return createHash("sha256").update(JSON.stringify(identities)).digest("hex");
  }

  get warnings(): readonly string[] {
    return [...this.#warnings.values()];
  }

  resolveTag(tag: string): Promise<string> {
    return this.#first((reader) => reader.resolveTag(tag));
  }

  manifest(digest: string): Promise<Manifest> {
    return this.#first((reader) => reader.manifest(digest));
  }

  blob(descriptor: Descriptor, maxBytes: number): Promise<Buffer> {
    return this.#first((reader) => reader.blob(descriptor, maxBytes));
  }

  verifyBlob(descriptor: Descriptor, deadlineMs: number, open?: OpenSink): Promise<void> {
    return this.#first((reader) => reader.verifyBlob(descriptor, deadlineMs, open));
  }

  /** The first list with anything in it: many mirrors copy what was pulled, and not what is attached to it. */
  async referrers(digest: string, artifactType?: string): Promise<readonly Descriptor[]> {
    const failures: Failure[] = [];
    for (const source of this.#sources) {
      const found = await this.#try(source, failures, (reader) => reader.referrers(digest, artifactType));
      if (found !== undefined && (found.length > 0 || source.isOrigin)) return found;
    }
    // Of mirrors alone everyone has to say so.
    if (failures.every(({ error }) => error.code === "NotFound")) return [];
    throw failed(failures);
  }

  async #first<T>(ask: (reader: RegistryReader) => Promise<T>): Promise<T> {
    const failures: Failure[] = [];
    for (const source of this.#sources) {
      const found = await this.#try(source, failures, async (reader) => ({ answer: await ask(reader) }));
      if (found !== undefined) return found.answer;
    }
    throw failed(failures);
  }

  async #try<T>(
    source: Tried,
    failures: Failure[],
    ask: (reader: RegistryReader) => Promise<T>,
  ): Promise<T | undefined> {
    const down = this.#down.get(source);
    if (down !== undefined) {
      failures.push({ source, error: down });
      return undefined;
    }
    try {
      return await ask(source.reader);
    } catch (error) {
      if (!isRegistryError(error) || error.code === "Aborted") throw error;
      failures.push({ source, error });
      if (error.code !== "NotFound" && !source.isOrigin)
        this.#warnings.set(source, `mirror ${source.host} is passed over: ${error.message}`);
      if (error.code !== "NotFound" && !isContentProblem(error)) this.#down.set(source, error);
      return undefined;
    }
  }
}

/** What several failures come to: a rejection only where all that was heard is about the content. */
function failed(failures: readonly Failure[]): RegistryError {
  const last = failures.at(-1);
  if (last?.source.isOrigin === true && last.error.code === "NotFound") return last.error;
  const message = failures.map(({ source, error }) => `${source.host}: ${error.message}`).join("; ");
  const telling = failures.filter(({ error }) => error.code !== "NotFound");
  const waits = telling.flatMap(({ error }) => error.retryAfterMs ?? []);
  const retryAfterMs = waits.length > 0 && waits.length === telling.length ? Math.min(...waits) : undefined;
  return new RegistryError(codeOf(telling), message, { cause: (telling[0] ?? failures[0])?.error, retryAfterMs });
}

function codeOf(telling: readonly Failure[]): RegistryErrorCode {
  // An address that nobody may go to is the tenant's doing only where the reference names it.
  const codes = telling.map(({ source, error }) =>
    error.code === "AddressDenied" && !source.isOrigin ? "Unavailable" : error.code,
  );
  const [first = "NotFound", ...others] = codes;
  const isOneMind = others.every((code) => code === first);
  return isOneMind || telling.every(({ error }) => isContentProblem(error)) ? first : "Unavailable";
}
