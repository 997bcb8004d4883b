import type { BundleClaim } from "./bundle.ts";
import type { IndeterminateReason, RejectedReason } from "./verdict.ts";

/** That this key did, or did not, sign this bundle about this digest. It can never change, so it may be kept for ever. */
export interface SignatureFact {
  readonly digest: string;
  readonly bundleDigest: string;
  readonly keyFingerprint: string;
  readonly outcome: "valid" | "invalid";
}

/** A Sigstore bundle as the registry gave it, and what it says of itself. */
export interface BundleFact {
  /** The manifest that attaches it. */
  readonly referrer: string;
  readonly digest: string;
  readonly bytes: Buffer;
  readonly claim: BundleClaim;
}

/** Whether the content behind the manifest is what the manifest says. */
export type Layers =
  | { readonly state: "Intact" }
  /** Not signed, or more than is looked through here; the container runtime compares every layer when it pulls. */
  | { readonly state: "NotChecked" }
  | { readonly state: "Mismatch"; readonly layer: string; readonly message: string };

/** What a registry holds under a digest. */
export interface ArtifactFacts {
  readonly state: "Found";
  /** The normalised name, without tag and digest. */
  readonly name: string;
  readonly digest: string;
  /** Of an index: the manifests that it lists. */
  readonly platformDigests: readonly string[];
  readonly bundles: readonly BundleFact[];
  /** How many attached bundles were too many to be looked at. */
  readonly leftOut: number;
  readonly layers: Layers;
  /** What did not go as it should while these were read, such as a mirror that did not answer. */
  readonly warnings?: readonly string[] | undefined;
}

/** Nothing could be learned: not now. */
export interface Unavailable {
  readonly state: "Unavailable";
  readonly name: string;
  readonly digest?: string | undefined;
  readonly reason: IndeterminateReason;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** The artifact cannot be used as it is; time alone changes nothing. */
export interface Refused {
  readonly state: "Refused";
  readonly name: string;
  readonly digest?: string | undefined;
  readonly reason: RejectedReason;
  readonly message: string;
}

/** What should name an artifact names none, so no policy can have a say. */
export interface InvalidReference {
  readonly state: "Refused";
  readonly name?: undefined;
  readonly digest?: undefined;
  readonly reason: "InvalidReference";
  readonly message: string;
}

export type ArtifactState = ArtifactFacts | Unavailable | Refused | InvalidReference;
