import type { BundleClaim } from "./bundle.ts";
import type { ContentFacts } from "../formats/index.ts";
import type { CertificateSigner } from "./certificate-check.ts";
import type { IndeterminateReason, RejectedReason } from "./verdict.ts";

/** What is found out about a bundle once and never changes, so it may be kept for ever. */
interface AboutBundle {
  readonly digest: string;
  readonly bundleDigest: string;
  /** The fingerprint of the key, or of the trust root, that it was verified with. */
  readonly by: string;
}

/** That this key, or somebody whom this trust root certifies, did or did not sign this bundle about this digest. */
export type SignatureFact = AboutBundle &
  (
    | { readonly outcome: "invalid"; readonly problem?: string | undefined }
    | {
        readonly outcome: "valid";
        /** By a trust root: who it was. */
        readonly signer?: CertificateSigner | undefined;
      }
    /** Valid by our own eyes, by somebody whom no policy named then: nobody has confirmed it, so it vouches for nothing. */
    | { readonly outcome: "stranger"; readonly signer: CertificateSigner }
  );

/** When this key signed this bundle at the latest, by these timestamp authorities; without a time: nobody proves it. */
export interface TimeFact {
  readonly bundleDigest: string;
  readonly by: string;
  readonly timestamps: string;
  readonly signedAt?: Date | undefined;
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
  /** What is in each layer, where somebody asked for that: of models, not of images. */
  readonly content?: readonly ContentFacts[] | undefined;
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
