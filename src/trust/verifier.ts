import { createHash } from "node:crypto";
import type { VerdictStatus } from "../api/verdict.ts";
import type { FormatScanner } from "../formats/index.ts";
import type { Egress } from "../egress/index.ts";
import type { TokenBucket } from "../kube/index.ts";
import type { BundleVerifier } from "./cosign.ts";
import { KnownAccess, LazyCredentials, burstMs, type CredentialSource } from "./credential-source.ts";
import type { Credentials } from "./credentials.ts";
import { decideVerdict } from "./decide.ts";
import type { Exception } from "./exception.ts";
import { FactCache, type Gathered } from "./fact-cache.ts";
import { FactFinder, predicateTypesOf } from "./fact-finder.ts";
import type { ArtifactFacts, ArtifactState, InvalidReference, Refused, Unavailable } from "./facts.ts";
import { gatherArtifact, stateOf, type GatherLimits } from "./gather.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { coveringPolicies, type ResolvedPolicy } from "./policies.ts";
import { parseReference, type Reference } from "./reference.ts";
import type { RegistryReader } from "./registry.ts";
import { RegistryGate } from "./registry-gate.ts";
import { connectRegistry } from "./registry-mirrored.ts";
import type { RegistryMirror } from "./registry-mirrors.ts";
import { SingleFlight } from "./single-flight.ts";
import { after, strictestValidity } from "./term.ts";
import type { Verdict } from "./verdict.ts";

export interface VerifierOptions {
  readonly egress: Egress;
  readonly bundleVerifier: BundleVerifier;
  readonly cache?: FactCache | undefined;
  /** As given to the egress too. */
  readonly plainHttpHosts?: readonly string[] | undefined;
  /** For one exchange with a registry. */
  readonly registryTimeoutMs?: number | undefined;
  /** Where content is asked for instead of at the registry of its name. */
  readonly mirrors?: readonly RegistryMirror[] | undefined;
  /** For what registries say of time, such as when to come back. */
  readonly clock?: (() => Date) | undefined;
  readonly limits?: Partial<GatherLimits> | undefined;
  /** Keeps what was gathered over a restart. */
  readonly store?: Pick<ArtifactStore, "load" | "keep" | "forget"> | undefined;
  /** Looks into the content of models. */
  readonly scanner?: FormatScanner | undefined;
  /** How often registries are asked again about what is known. Absent: as often as it is due. */
  readonly recheckBudget?: Pick<TokenBucket, "tryTake"> | undefined;
  /** Reads artifacts. Only who has them elsewhere than in a registry gives it. */
  readonly connect?: typeof connectRegistry | undefined;
}

/** Where and as whom to look. */
export interface ArtifactRequest {
  /** As people write it, by tag or by digest. */
  readonly reference: string;
  readonly credentials?: Credentials | undefined;
  /** Whose request it is: requests of one namespace do not hold up those of another. */
  readonly namespace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GatherArtifactRequest extends ArtifactRequest {
  /** What the tag was resolved to; not needed where the reference holds a digest. */
  readonly digest?: string | undefined;
  readonly now: Date;
}

export interface VerifyRequest extends GatherArtifactRequest {
  /** Where the artifact is to be used. */
  readonly namespace: string;
  /** Instead of credentials: read where a registry is asked, or somebody asks for something new. */
  readonly credentialSource?: CredentialSource | undefined;
  readonly policies: readonly ResolvedPolicy[];
  readonly required?: readonly string[] | undefined;
  readonly previous?: VerdictStatus | undefined;
  readonly exceptions?: readonly Exception[] | undefined;
  /** A model is looked into; what is in an image is the image's matter. */
  readonly use: "Model" | "Image";
  /** Look at the registry even where what is known is fresh. */
  readonly refresh?: boolean | undefined;
}

export type Resolved =
  | {
      readonly state: "Resolved";
      readonly reference: Reference;
      readonly digest: string;
      readonly warnings?: readonly string[] | undefined;
    }
  | Unavailable
  | Refused
  | InvalidReference;

export interface Verification {
  readonly verdict: Verdict;
  /** What the registry holds, where that is known. */
  readonly artifact?:
    { readonly name: string; readonly digest: string; readonly platformDigests: readonly string[] } | undefined;
  /** Facts: decided from what was in hand, without a request to the registry. */
  readonly source: "Registry" | "Facts";
}

/** What a manifest says of itself: nobody has vouched for it. */
export type ManifestRead =
  | { readonly state: "Read"; readonly annotations: Readonly<Record<string, string>> }
  | Unavailable
  | Refused
  | InvalidReference;

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
  async verify(request: VerifyRequest): Promise<Verification> {
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
      return this.#decide(request, known.facts, "Facts", [
        `decided from what was seen at ${known.at.toISOString()}: ${artifact.message}`,
      ]);
    }
    return this.#decide(request, artifact, "Registry", resolved.warnings);
  }

  /** The verdict from what is in hand, where nobody has to be asked again. */
  async #settle(
    request: VerifyRequest,
    key: string | undefined,
    { predicateTypes, use }: Wanted,
  ): Promise<Verification | undefined> {
    const known = key === undefined ? undefined : await this.#known(key);
    if (known === undefined || !hasRead(known.facts, predicateTypes, use)) return undefined;
    const verification = await this.#decide(request, known.facts, "Facts");
    if (!isDue(request, known, verification.verdict)) return verification;
    // What is known still vouches: others who wait for a first answer go before.
    const canWait = verification.verdict.outcome === "Verified" && request.refresh !== true;
    const mustWait = canWait && this.#options.recheckBudget?.tryTake() === false;
    return mustWait ? postponed(verification, request.now) : undefined;
  }

  async #decide(
    request: VerifyRequest,
    artifact: ArtifactState,
    source: Verification["source"],
    warnings: readonly string[] = [],
  ): Promise<Verification> {
    const checked =
      artifact.state === "Found"
        ? await this.#finder.find(artifact, coveringOf(request, artifact.name), request.signal)
        : { signatureFacts: [] };
    const verdict = decideVerdict({
      artifact,
      namespace: request.namespace,
      policies: request.policies,
      required: request.required ?? [],
      ...checked,
      verifierProblem: "problem" in checked ? checked.problem : undefined,
      use: request.use,
      previous: request.previous,
      exceptions: request.exceptions,
      spread: spreadOf(`${request.namespace} ${request.reference}`),
      now: request.now,
    });
    const found = artifact.state === "Found" ? artifact : undefined;
    return {
      verdict: { ...verdict, warnings: [...new Set([...verdict.warnings, ...(found?.warnings ?? []), ...warnings])] },
      source,
      ...(artifact.state === "Found"
        ? { artifact: { name: artifact.name, digest: artifact.digest, platformDigests: artifact.platformDigests } }
        : {}),
    };
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

/** To be looked at again soon, but not at once: the registry was asked often enough. */
function postponed(verification: Verification, now: Date): Verification {
  const { verdict } = verification;
  const waitMs = (verdict.recheckAfter.getTime() - now.getTime()) / 4;
  return { ...verification, verdict: { ...verdict, recheckAfter: after(now, waitMs) } };
}

/** The same for the same object each time, and even over all. */
function spreadOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32;
}

function coveringOf({ policies, namespace }: VerifyRequest, name: string): readonly ResolvedPolicy[] {
  return coveringPolicies(policies, namespace, name);
}

/** Whether every attestation that is asked for now was asked for then. */
function hasRead(
  { bundles, content, layers }: ArtifactFacts,
  predicateTypes: ReadonlySet<string>,
  use: VerifyRequest["use"],
): boolean {
  if (use === "Model" && content === undefined && layers.state === "Intact") return false;
  return !bundles.some(({ claim }) => claim.kind === "NotRead" && predicateTypes.has(claim.predicateType));
}

/** The artifact before anything is known of it but its name. */
function earlyState(request: VerifyRequest): Unavailable | undefined {
  const parsed = parseReference(request.reference);
  if (!parsed.ok) return undefined;
  const { name, digest = request.digest } = parsed.reference;
  return { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message: "not asked yet" };
}

/** Whether what is known must be looked at again before it decides. */
function isDue(request: VerifyRequest, known: Gathered, verdict: Verdict): boolean {
  if (request.refresh === true) return true;
  const age = request.now.getTime() - known.at.getTime();
  // What was seen in the future was seen by a clock that was wrong. By a little: by somebody who began later.
  if (age < -burstMs) return true;
  if (age < burstMs) return false;
  const { previous, namespace, policies, now } = request;
  // Somebody new asks: a signature may have come since.
  if (previous?.digest !== known.facts.digest)
    return verdict.outcome !== "Verified" || age >= recheckMs(known, namespace, policies);
  // An old verdict that is not due means that the policies changed: they are decided from what is in hand, at once.
  if (previous.recheckAfter !== undefined && now < new Date(previous.recheckAfter)) return false;
  return verdict.outcome !== "Verified" || age >= recheckMs(known, namespace, policies) / 2;
}

function recheckMs(known: Gathered, namespace: string, policies: readonly ResolvedPolicy[]): number {
  const covering = coveringPolicies(policies, namespace, known.facts.name);
  return strictestValidity(covering.filter((policy) => policy.mode === "Enforce")).recheckAfterMs;
}
