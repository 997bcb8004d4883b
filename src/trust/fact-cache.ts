import type { CertificateSigner } from "./certificate-check.ts";
import type { ArtifactFacts, SignatureFact, TimeFact } from "./facts.ts";
import { LruMap } from "../kube/index.ts";
import { SingleFlight } from "./single-flight.ts";

export interface FactCacheOptions {
  /** How many signature facts are kept. */
  readonly maxSignatureFacts?: number | undefined;
  /** How many bytes of bundles are kept, about. */
  readonly maxArtifactBytes?: number | undefined;
}

export interface Gathered {
  readonly facts: ArtifactFacts;
  readonly at: Date;
}

/** The part of a fact that is found out. */
export type SignatureOutcome =
  | { readonly outcome: "invalid"; readonly problem?: string | undefined }
  | { readonly outcome: "valid"; readonly signer?: CertificateSigner | undefined }
  | { readonly outcome: "stranger"; readonly signer: CertificateSigner };

/** An answer that is not a fact: it is handed to those who wait for it and kept by nobody. */
export interface NotAFact<R> {
  readonly notAFact: R;
}

/** Beside its bundles an artifact takes this much, about. */
const artifactOverheadBytes = 2048;
/** And so much each bundle, also one without bytes. */
const bundleOverheadBytes = 1024;

/** Keeps facts by content, within bounds. What is not known for certain is never kept. */
export class FactCache {
  readonly #signatures: LruMap<string, SignatureFact>;
  readonly #artifacts: LruMap<string, Gathered>;
  readonly #times: LruMap<string, TimeFact>;
  readonly #checks = new SingleFlight<SignatureFact | NotAFact<string>>();

  constructor(options: FactCacheOptions = {}) {
    this.#signatures = new LruMap(options.maxSignatureFacts ?? 50_000);
    this.#times = new LruMap(options.maxSignatureFacts ?? 50_000);
    this.#artifacts = new LruMap(options.maxArtifactBytes ?? 64 * 1024 * 1024);
  }

  /** What was last seen of an artifact. `key` holds its name and digest, and who looked. */
  artifact(key: string): Gathered | undefined {
    return this.#artifacts.get(key);
  }

  keepArtifact(key: string, gathered: Gathered): void {
    // The payload of each is held beside its bytes.
    const bytes = gathered.facts.bundles.reduce(
      (sum, bundle) => sum + bundleOverheadBytes + 2 * bundle.bytes.length,
      artifactOverheadBytes,
    );
    this.#artifacts.set(key, gathered, bytes);
  }

  forgetArtifact(key: string): void {
    this.#artifacts.delete(key);
  }

  /** The fact about a bundle and a key; if it is not known, or does not suffice, `check` finds out, once for all who ask. */
  async signature(
    pair: Pick<SignatureFact, "digest" | "bundleDigest" | "by">,
    check: (signal: AbortSignal) => Promise<SignatureOutcome | NotAFact<string>>,
    signal?: AbortSignal,
    suffices: (fact: SignatureFact) => boolean = () => true,
  ): Promise<SignatureFact | NotAFact<string>> {
    const key = `${pair.digest} ${pair.bundleDigest} ${pair.by}`;
    const known = this.#signatures.get(key);
    if (known !== undefined && suffices(known)) return known;
    const found = await this.#checks.run(
      key,
      async (shared) => {
        const outcome = await check(shared);
        if ("notAFact" in outcome) return outcome;
        const fact: SignatureFact = { ...pair, ...outcome };
        this.#signatures.set(key, fact);
        return fact;
      },
      signal,
    );
    // It may have been found out for somebody who wanted to know less.
    return "notAFact" in found || suffices(found) ? found : this.signature(pair, check, signal, suffices);
  }

  /** When a key signed a bundle; if it is not known, `prove` finds out, which takes about a millisecond. */
  time(about: Omit<TimeFact, "signedAt">, prove: () => Date | undefined): TimeFact {
    const key = `${about.bundleDigest} ${about.by} ${about.timestamps}`;
    const known = this.#times.get(key);
    if (known !== undefined) return known;
    const fact: TimeFact = { ...about, signedAt: prove() };
    this.#times.set(key, fact);
    return fact;
  }
}
