import { traced } from "../kube/index.ts";
import { KnownAccess, LazyCredentials } from "./credential-source.ts";
import { decideVerdict } from "./decide.ts";
import { coveringOf, decideFound } from "./decide-found.ts";
import { FactCache, type Gathered } from "./fact-cache.ts";
import { FactFinder, predicateTypesOf } from "./fact-finder.ts";
import type { ArtifactState } from "./facts.ts";
import { gatherArtifact, stateOf, type GatherLimits } from "./gather.ts";
import { earlyState, hasRead, isDue, postponed } from "./known-facts.ts";
import { parseReference, type Reference } from "./reference.ts";
import type { RegistryReader } from "./registry.ts";
import { RegistryGate } from "./registry-gate.ts";
import { connectRegistry } from "./registry-mirrored.ts";
import { SingleFlight } from "./single-flight.ts";
import type { VerifierOptions } from "./verifier-options.ts";
import type {
  ArtifactRequest,
  GatherArtifactRequest,
  ManifestRead,
  Resolved,
  Verification,
  VerifyRequest,
} from "./verify-request.ts";

type Located = Pick<Extract<Resolved, { state: "Resolved" }>, "reference" | "digest">;

/** What somebody asks for, beside the artifact itself. */
interface Wanted {
  readonly predicateTypes: ReadonlySet<string>;
  readonly use: VerifyRequest["use"];
}

/**
 * The one orchestrator: gathers facts, has missing ones established, and decides. It keeps no verdict; a changed policy
 * is decided from the facts in hand.
 */
export class Verifier {
  readonly #options: VerifierOptions;
  readonly #limits: GatherLimits;
  readonly #cache: FactCache;
  readonly #gathers = new SingleFlight<ArtifactState>();
  readonly #access = new KnownAccess();
  readonly #gate: RegistryGate;
  readonly #finder: FactFinder;

  constructor(options: VerifierOptions) {
    this.#options = options;
    this.#gate = new RegistryGate({ now: options.clock });
    this.#cache = options.cache ?? new FactCache();
    this.#finder = new FactFinder(this.#cache, options.bundleVerifier);
    this.#limits = {
      deadlineMs: 60_000,
      layersDeadlineMs: 15 * 60_000,
      maxLayerBytes: 20 * 1024 ** 3,
      ...options.limits,
    };
  }

  /** What a reference stands for now. A digest in it is what counts, and then nobody is asked. */
  async resolve(request: ArtifactRequest): Promise<Resolved> {
    const parsed = parseReference(request.reference);
    if (!parsed.ok) return { state: "Refused", reason: "InvalidReference", message: parsed.message };
    const { reference } = parsed;
    if (reference.digest !== undefined) return { state: "Resolved", reference, digest: reference.digest };
    try {
      const client = this.#client(reference, request);
      const digest = await client.resolveTag(reference.tag ?? "latest");
      return { state: "Resolved", reference, digest, warnings: client.warnings };
    } catch (error) {
      return stateOf(error, reference.name, undefined);
    }
  }

  /** The manifest of an artifact, read now; all that is known of it is that it has the digest. */
  async manifest(request: ArtifactRequest): Promise<ManifestRead> {
    const resolved = await this.resolve(request);
    if (resolved.state !== "Resolved") return resolved;
    const { reference, digest } = resolved;
    try {
      const { content } = await this.#client(reference, request).manifest(digest);
      return { state: "Read", annotations: content.kind === "Manifest" ? (content.annotations ?? {}) : {} };
    } catch (error) {
      return stateOf(error, reference.name, digest);
    }
  }

  /** What the registry holds, looked at now. */
  async gather(request: GatherArtifactRequest): Promise<ArtifactState> {
    const resolved = await this.#locate(request);
    return resolved.state === "Resolved"
      ? this.#look(resolved, request, { predicateTypes: new Set(), use: "Image" })
      : resolved;
  }

  /**
   * The verdict at `now`. Rejects when the caller's signal aborts, and with what its source of credentials throws: then there
   * is no verdict.
   */
  verify(request: VerifyRequest): Promise<Verification> {
    const { reference, namespace, use } = request;
    return traced("verify", { "artifact.reference": reference, "k8s.namespace": namespace, use }, async (span) => {
      const verification = await this.#verify(request);
      const { outcome, reason } = verification.verdict;
      span.setAttributes({ "verdict.outcome": outcome, "verdict.reason": reason });
      return verification;
    });
  }

  async #verify(request: VerifyRequest): Promise<Verification> {
    const { policies, namespace, required = [], previous, exceptions, use, now } = request;
    const input = { policies, namespace, required, previous, exceptions, use, now, signatureFacts: [] };
    const early = earlyState(request);
    if (early !== undefined) {
      // Where the policies alone refuse, no address that a tenant wrote is contacted.
      const verdict = decideVerdict({ ...input, artifact: early });
      if (verdict.outcome === "Rejected") return { verdict, source: "Facts" };
    }
    const lazy = new LazyCredentials(request.credentialSource, request.credentials);
    const resolved = await this.#locate(request, lazy);
    request.signal?.throwIfAborted();
    if (resolved.state !== "Resolved") {
      return { verdict: decideVerdict({ ...input, artifact: resolved }), source: "Registry" };
    }
    const wanted = { predicateTypes: predicateTypesOf(coveringOf(request, resolved.reference.name)), use };
    const remembered = this.#rememberedKey(resolved, request, lazy);
    const settled = await this.#settle(request, remembered, wanted);
    if (settled !== undefined) return settled;
    const asking = { ...request, credentials: await lazy.read() };
    const key = this.#keyOf(resolved, asking);
    // Somebody else by now: what the one before had read is not known to this one.
    const anew = key === remembered ? undefined : await this.#settle(request, key, wanted);
    if (anew !== undefined) return anew;
    const known = await this.#known(key);
    const artifact = await this.#look(resolved, asking, wanted);
    if (artifact.state === "Unavailable" && known !== undefined) {
      const warning = `decided from what was seen at ${known.at.toISOString()}: ${artifact.message}`;
      return decideFound(this.#finder, request, known.facts, { source: "Facts", warnings: [warning] });
    }
    return decideFound(this.#finder, request, artifact, { source: "Registry", warnings: resolved.warnings });
  }

  /** The verdict from what is in hand, where nobody has to be asked again. */
  async #settle(
    request: VerifyRequest,
    key: string | undefined,
    { predicateTypes, use }: Wanted,
  ): Promise<Verification | undefined> {
    const known = key === undefined ? undefined : await this.#known(key);
    if (known === undefined || !hasRead(known.facts, predicateTypes, use)) return undefined;
    const verification = await decideFound(this.#finder, request, known.facts, { source: "Facts" });
    if (!isDue(request, known, verification.verdict)) return verification;
    // What is known still vouches: others who wait for a first answer go before.
    const canWait = verification.verdict.outcome === "Verified" && request.refresh !== true;
    const mustWait = canWait && this.#options.recheckBudget?.tryTake() === false;
    return mustWait ? postponed(verification, request.now) : undefined;
  }

  async #locate(request: GatherArtifactRequest, lazy?: LazyCredentials): Promise<Resolved> {
    const parsed = parseReference(request.reference);
    // A digest in the reference outranks what somebody resolved earlier.
    if (parsed.ok && parsed.reference.digest === undefined && request.digest !== undefined) {
      return { state: "Resolved", reference: parsed.reference, digest: request.digest };
    }
    const isAsked = parsed.ok && parsed.reference.digest === undefined && lazy !== undefined;
    return this.resolve(isAsked ? { ...request, credentials: await lazy.read() } : request);
  }

  /** Looks once for all who ask at the same time with the same rights, and keeps what is found. */
  async #look(
    resolved: Extract<Resolved, { state: "Resolved" }>,
    request: GatherArtifactRequest,
    { predicateTypes, use }: Wanted,
  ): Promise<ArtifactState> {
    const { reference, digest } = resolved;
    const key = this.#keyOf(resolved, request);
    return this.#gathers.run(
      [key, use, ...[...predicateTypes].sort()].join(" "),
      async (signal) => {
        const state = await gatherArtifact({
          connect: (bounded) => this.#client(reference, { ...request, signal: bounded }),
          signal,
          name: reference.name,
          digest,
          predicateTypes,
          scanner: use === "Model" ? this.#options.scanner : undefined,
          limits: this.#limits,
          known: this.#cache.artifact(key)?.facts,
        });
        if (state.state === "Found") {
          const gathered = { facts: state, at: request.now };
          this.#cache.keepArtifact(key, gathered);
          await this.#options.store?.keep(key, gathered);
        }
        // What the registry itself says is gone is not decided from memory the next time.
        if (state.state === "Refused") {
          this.#cache.forgetArtifact(key);
          await this.#options.store?.forget(key);
        }
        return state;
      },
      request.signal,
    );
  }

  async #known(key: string): Promise<Gathered | undefined> {
    const known = this.#cache.artifact(key);
    if (known !== undefined) return known;
    const kept = await this.#options.store?.load(key);
    if (kept !== undefined) this.#cache.keepArtifact(key, kept);
    return kept;
  }

  /** What was read with one tenant's credentials is no knowledge of another's. */
  #keyOf({ reference, digest }: Located, request: VerifyRequest | GatherArtifactRequest): string {
    const { identity } = this.#client(reference, request);
    const source = "credentialSource" in request ? request.credentialSource : undefined;
    if (source !== undefined) this.#access.note(source.who, reference.name, { identity, at: request.now });
    return keyFor(reference, digest, identity);
  }

  /** Undefined where the credentials have to be read first. */
  #rememberedKey({ reference, digest }: Located, request: VerifyRequest, lazy: LazyCredentials): string | undefined {
    if (lazy.who === undefined || lazy.wereRead) return undefined;
    const { previous, now } = request;
    const identity = this.#access.identity(lazy.who, reference.name, { digest, previous, now });
    return identity === undefined ? undefined : keyFor(reference, digest, identity);
  }

  #client(reference: Reference, request: ArtifactRequest): RegistryReader {
    const { connect = connectRegistry } = this.#options;
    return connect(reference, this.#options.mirrors ?? [], {
      egress: this.#options.egress,
      plainHttpHosts: this.#options.plainHttpHosts,
      timeoutMs: this.#options.registryTimeoutMs,
      credentials: request.credentials,
      signal: request.signal,
      gate: this.#gate,
      tenant: request.namespace,
      now: this.#options.clock,
    });
  }
}

function keyFor(reference: Reference, digest: string, identity: string): string {
  return `${reference.name}@${digest} ${identity}`;
}
