import type { VerdictStatus } from "../api/verdict.ts";
import type { Credentials } from "./credentials.ts";
import { LruMap } from "../kube/index.ts";

/** Credentials that are read only where a registry is to be asked. */
export interface CredentialSource {
  /** What is known without reading them: of which namespace, and which Secrets and ServiceAccount hold them. */
  readonly who: string;
  /** @throws what keeps them from being read. */
  readonly read: () => Promise<Credentials | undefined>;
}

/** Reads at most once. */
export class LazyCredentials {
  readonly who: string | undefined;
  readonly #read: () => Promise<Credentials | undefined>;
  #found: Promise<Credentials | undefined> | undefined;

  constructor(source: CredentialSource | undefined, given: Credentials | undefined) {
    this.who = source?.who;
    this.#read = source?.read ?? (() => Promise.resolve(given));
  }

  get wereRead(): boolean {
    return this.#found !== undefined;
  }

  read(): Promise<Credentials | undefined> {
    this.#found ??= this.#read();
    return this.#found;
  }
}

interface Seen {
  readonly identity: string;
  readonly at: Date;
}

/** So fresh that asking again can only be a burst of the same question. */
export const burstMs = 10_000;
const maxEntries = 16_384;

/**
 * As whom credentials were last seen to ask, without any secret of theirs. It lets a verdict be decided anew, on what was
 * read for it before, without reading them: so that a key that is taken away reaches thousands of models within seconds.
 * Nobody learns anything by it that is new to them: whoever has no verdict on the artifact yet proves its access anew, and so
 * does everybody when the registry is asked.
 */
export class KnownAccess {
  readonly #seen = new LruMap<string, Seen>(maxEntries);

  /** `place`: the repository, for credentials are chosen by it. */
  note(who: string, place: string, seen: Seen): void {
    this.#seen.set(keyOf(who, place), seen);
  }

  /** Undefined where the credentials have to be read. */
  identity(
    who: string,
    place: string,
    {
      digest,
      previous,
      now,
    }: { readonly digest: string; readonly previous: VerdictStatus | undefined; readonly now: Date },
  ): string | undefined {
    const seen = this.#seen.get(keyOf(who, place));
    if (seen === undefined) return undefined;
    const age = now.getTime() - seen.at.getTime();
    const isBurst = age >= 0 && age < burstMs;
    return isBurst || restsOn(previous, digest) ? seen.identity : undefined;
  }
}

/** Signers are in a verdict only where the artifact was read for it. */
function restsOn(previous: VerdictStatus | undefined, digest: string): boolean {
  return previous?.digest === digest && (previous.signers ?? []).length > 0;
}

function keyOf(who: string, place: string): string {
  return JSON.stringify([who, place]);
}
