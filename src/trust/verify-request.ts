import type { VerdictStatus } from "../api/verdict.ts";
import type { CredentialSource } from "./credential-source.ts";
import type { Credentials } from "./credentials.ts";
import type { Exception } from "./exception.ts";
import type { InvalidReference, Refused, Unavailable } from "./facts.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { Reference } from "./reference.ts";
import type { Verdict } from "./verdict.ts";

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
