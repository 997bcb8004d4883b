/** Who vouches for an artifact: facts, and the verdicts that policies draw from them. */
export { signAws, type AwsKeys } from "./cloud/aws-signature.ts";
export {
  CloudLogins,
  isGoogleProvider,
  parseCloudEndpoints,
  type CloudAccount,
  type CloudEndpoints,
  type CloudLoginsOptions,
  type ParsedEndpoints,
} from "./cloud/index.ts";
export {
  Cosign,
  type BundleCheck,
  type BundleOutcome,
  type BundleVerifier,
  type CosignOptions,
  type ToolCheck,
} from "./cosign.ts";
export {
  missingCredential,
  parseDockerConfigJson,
  type Credential,
  type Credentials,
  type Login,
  type ParsedCredentials,
  type Pulling,
} from "./credentials.ts";
export type { CredentialSource } from "./credential-source.ts";
export { ArtifactStore } from "./artifact-store.ts";
export {
  kmsKeysOf,
  secretsOf,
  type KmsLookup,
  type ParsedKmsKey,
  type PolicySources,
  type ResolvedAuthority,
  type SecretLookup,
} from "./authorities.ts";
export { decideVerdict, withCommonDenials, type DecisionInput } from "./decide.ts";
export { formatDuration, parseDuration } from "./duration.ts";
export { FactCache, type FactCacheOptions, type Gathered } from "./fact-cache.ts";
export { FactFinder, type FoundFacts } from "./fact-finder.ts";
export type {
  ArtifactFacts,
  ArtifactState,
  BundleFact,
  InvalidReference,
  Layers,
  Refused,
  SignatureFact,
  Unavailable,
} from "./facts.ts";
export { isFresh, nextCheckMs, settleVerdict } from "./freshness.ts";
export { policyFingerprint, trustFingerprint } from "./fingerprint.ts";
export { isLikelyLost, type JudgedArtifact } from "./likely-lost.ts";
export { parsePublicKey, type ParsedKey, type PublicKey } from "./keys.ts";
export { KmsKeys, type KmsOptions } from "./kms.ts";
export { readManifest, type Descriptor } from "./manifest.ts";
export { opinionOf, type Opinion } from "./opinion.ts";
export { matchesPattern, matchesSegment } from "./pattern.ts";
export {
  coveringPolicies,
  covers,
  resolvePolicy,
  unreadablePolicy,
  type ResolvedAttestation,
  type ResolvedPolicy,
  type Validity,
} from "./policies.ts";
export { parseReference, pinned, type ParsedReference, type Reference } from "./reference.ts";
export type { Manifest, RegistryReader } from "./registry.ts";
export { RegistryError } from "./registry-error.ts";
export { parseRegistryMirrors, type ParsedMirrors, type RegistryMirror } from "./registry-mirrors.ts";
export { effectiveStanding, type Standing } from "./standing.ts";
export { strictestValidity } from "./term.ts";
export { trustFreshness, type TrustFreshness } from "./trust-freshness.ts";
export {
  toVerdictStatus,
  type Carried,
  type Indeterminate,
  type IndeterminateReason,
  type PolicyGeneration,
  type Rejected,
  type RejectedReason,
  type Signer,
  type Term,
  type Verdict,
  type Verified,
} from "./verdict.ts";
export { Verifier } from "./verifier.ts";
export type { VerifierOptions } from "./verifier-options.ts";
export type {
  ArtifactRequest,
  GatherArtifactRequest,
  ManifestRead,
  Resolved,
  Verification,
  VerifyRequest,
} from "./verify-request.ts";
export type { Exception } from "./exception.ts";
export { countAuthorities, FactIndex, vouchingOf, type SignedBundle, type Vouching } from "./vouching.ts";
export { verifyLatest, type TrustBasis } from "./verify-latest.ts";
export { policyReconciler, type PolicyDependencies } from "./policy-controller.ts";
