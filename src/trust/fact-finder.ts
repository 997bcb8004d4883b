import { createHash } from "node:crypto";
import { keyBundle, SIGNATURE_PREDICATE_TYPE } from "./bundle.ts";
import { checkCertificate, provenTime } from "./certificate-check.ts";
import type { BundleVerifier, Verification } from "./cosign.ts";
import { isIssuedByOneOf } from "./certificates.ts";
import { isSignedBy } from "./dsse.ts";
import type { FactCache, NotAFact, SignatureOutcome } from "./fact-cache.ts";
import type { ArtifactFacts, SignatureFact, TimeFact } from "./facts.ts";
import { matchesIdentity, type Identity, type IdentityPattern } from "./identity.ts";
import type { PublicKey } from "./keys.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { TimestampRoot, TrustRoot } from "./trust-root.ts";
import type { SignedBundle } from "./vouching.ts";

export interface FoundFacts {
  readonly signatureFacts: readonly SignatureFact[];
  readonly timeFacts: readonly TimeFact[];
  /** Why some are missing, if they are: what could not be found out is left out, and so stays unknown. */
  readonly problem?: string | undefined;
}

/** Establishes what the policies need to know about an artifact's bundles, each once: in this process, and then by cosign. */
export class FactFinder {
  readonly #cache: FactCache;
  readonly #verifier: BundleVerifier;

  constructor(cache: FactCache, verifier: BundleVerifier) {
    this.#cache = cache;
    this.#verifier = verifier;
  }

  /** Every bundle that a policy looks at, with every key and trust root of that policy. */
  async find(
    artifact: ArtifactFacts,
    policies: readonly ResolvedPolicy[],
    signal: AbortSignal | undefined,
  ): Promise<FoundFacts> {
    const pairs = new Map<string, Pair>();
    for (const policy of policies) {
      for (const pair of pairsOf(policy, artifact)) {
        const key = `${pair.bundle.digest} ${pair.with.fingerprint}`;
        const before = pairs.get(key);
        const names = [...(before?.identities ?? []), ...pair.identities];
        pairs.set(key, { ...pair, identities: names });
      }
    }
    const results = await Promise.all(
      [...pairs.values()].map((pair) => this.#signatureFact(artifact.digest, pair, signal)),
    );
    const signatureFacts = results.flatMap((result) => ("notAFact" in result ? [] : result));
    return {
      signatureFacts,
      timeFacts: this.#timeFacts(artifact, policies, signatureFacts),
      problem: results.flatMap((result) => ("notAFact" in result ? result.notAFact : []))[0],
    };
  }

  #signatureFact(
    digest: string,
    pair: Pair,
    signal: AbortSignal | undefined,
  ): Promise<SignatureFact | NotAFact<string>> {
    if (pair.kind === "Key") return this.#keyFact(digest, pair, signal);
    const about = { digest, bundleDigest: pair.bundle.digest, by: pair.with.fingerprint };
    return this.#cache.signature(
      about,
      (shared) => this.#checkCertificate(digest, pair, shared),
      signal,
      (fact) => fact.outcome !== "stranger" || !isNamed(fact.signer, pair.identities),
    );
  }

  /**
   * For a key only the envelope counts. It is judged once, in a bundle of our own making: whoever may push can wrap one good
   * signature in as many bundles as they like, and each would cost a process.
   */
  async #keyFact(
    digest: string,
    pair: KeyPair,
    signal: AbortSignal | undefined,
  ): Promise<SignatureFact | NotAFact<string>> {
    const bytes = keyBundle(pair.bundle.claim.envelope);
    const bundle = { ...pair.bundle, bytes, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
    const fact = await this.#cache.signature(
      { digest, bundleDigest: bundle.digest, by: pair.with.fingerprint },
      (shared) => this.#checkKey(digest, { ...pair, bundle }, shared),
      signal,
    );
    return "notAFact" in fact ? fact : { ...fact, bundleDigest: pair.bundle.digest };
  }

  async #checkKey(digest: string, { bundle, with: key }: KeyPair, signal: AbortSignal): Promise<Found> {
    if (!isSignedBy(bundle.claim.envelope, key.key)) return { outcome: "invalid" };
    const by = { kind: "Key", publicKeyPem: key.pem } as const;
    return this.#confirm({ digest, bundle, by, valid: { outcome: "valid" } }, signal);
  }

  async #checkCertificate(
    digest: string,
    { bundle, with: root, identities }: RootPair,
    signal: AbortSignal,
  ): Promise<Found> {
    const { signedBy } = bundle.claim;
    // Before anything is looked at that a stranger can make large.
    if (signedBy.kind !== "Certificate" || !isIssuedByOneOf(signedBy.der, root.authorities))
      return { outcome: "invalid", problem: "its certificate is by none of the authorities" };
    const check = checkCertificate(bundle.bytes, bundle.claim.envelope, root);
    if (!check.ok) return { outcome: "invalid", problem: check.problem.slice(0, 256) };
    const { signer } = check;
    // Everybody may have a certificate of a public authority: a process is run for those only whom a policy names.
    if (signer.subject === undefined || !isNamed(signer, identities)) return { outcome: "stranger", signer };
    const by: Verification = {
      kind: "Certificate",
      trustedRoot: root.json,
      subject: signer.subject,
      issuer: signer.issuer,
      log: root.demandsLog,
      certificateLog: root.demandsCertificateLog,
      timestamped: root.hasTimestampAuthorities && bundle.claim.timestamps.length > 0,
    };
    return this.#confirm({ digest, bundle, by, valid: { outcome: "valid", signer } }, signal);
  }

  async #confirm({ digest, bundle, by, valid }: Confirmation, signal: AbortSignal): Promise<Found> {
    const { claim } = bundle;
    const predicateType = claim.kind === "Attestation" ? claim.predicateType : SIGNATURE_PREDICATE_TYPE;
    const result = await this.#verifier.verifyBundle({ bundle: bundle.bytes, by, digest, predicateType, signal });
    switch (result.outcome) {
      case "valid":
        return valid;
      case "invalid":
        return { outcome: "invalid", problem: result.detail };
      case "indeterminate":
        return { notAFact: result.detail };
    }
  }

  /** Of valid signatures by keys, where a policy has timestamp authorities. */
  #timeFacts(
    artifact: ArtifactFacts,
    policies: readonly ResolvedPolicy[],
    signatures: readonly SignatureFact[],
  ): readonly TimeFact[] {
    const valid = new Set(
      signatures.flatMap(({ outcome, bundleDigest, by }) => (outcome === "valid" ? `${bundleDigest} ${by}` : [])),
    );
    return policies.flatMap((policy) => {
      const { timestamps } = policy;
      if (timestamps === undefined) return [];
      return pairsOf(policy, artifact).flatMap((pair) =>
        pair.kind === "Key" && valid.has(`${pair.bundle.digest} ${pair.with.fingerprint}`)
          ? this.#timeFact(pair, timestamps)
          : [],
      );
    });
  }

  #timeFact({ bundle, with: key }: KeyPair, timestamps: TimestampRoot): TimeFact {
    return this.#cache.time(
      { bundleDigest: bundle.digest, by: key.fingerprint, timestamps: timestamps.fingerprint },
      () => (bundle.claim.timestamps.length === 0 ? undefined : provenTime(bundle.bytes, key.key, timestamps)),
    );
  }
}

/** What cosign is asked, and what it means when it agrees. */
interface Confirmation {
  readonly digest: string;
  readonly bundle: SignedBundle;
  readonly by: Verification;
  readonly valid: SignatureOutcome;
}

type Found = SignatureOutcome | NotAFact<string>;

interface KeyPair {
  readonly kind: "Key";
  readonly bundle: SignedBundle;
  readonly with: PublicKey;
  readonly identities: readonly IdentityPattern[];
}

interface RootPair {
  readonly kind: "Root";
  readonly bundle: SignedBundle;
  readonly with: TrustRoot;
  /** Whom the policies name under this root. */
  readonly identities: readonly IdentityPattern[];
}

type Pair = KeyPair | RootPair;

/** A bundle by a certificate is no matter of a key, and the other way round. */
function pairsOf(policy: ResolvedPolicy, artifact: ArtifactFacts): readonly Pair[] {
  const wanted = predicateTypesOf([policy]);
  const bundles = artifact.bundles.filter(
    ({ claim }) => claim.kind === "Signature" || (claim.kind === "Attestation" && wanted.has(claim.predicateType)),
  ) as readonly SignedBundle[];
  return bundles.flatMap((bundle) =>
    policy.authorities.flatMap((authority): readonly Pair[] => {
      const { kind } = bundle.claim.signedBy;
      if (authority.key !== undefined) {
        return kind === "Key" ? [{ kind: "Key", bundle, with: authority.key, identities: [] }] : [];
      }
      if (authority.root === undefined || kind !== "Certificate") return [];
      return [{ kind: "Root", bundle, with: authority.root, identities: authority.identities }];
    }),
  );
}

function isNamed(signer: Identity, identities: readonly IdentityPattern[]): boolean {
  return identities.some((pattern) => matchesIdentity(pattern, signer));
}

/** The kinds of attestation that policies ask for. */
export function predicateTypesOf(policies: readonly ResolvedPolicy[]): ReadonlySet<string> {
  return new Set(policies.flatMap(({ attestations }) => attestations.map(({ predicateType }) => predicateType)));
}
