import { gatherAttached } from "./gather-attached.ts";
import { withDeadline } from "./deadline.ts";
import type { FormatScanner } from "../formats/index.ts";
import type { ArtifactFacts, ArtifactState, Refused, Unavailable } from "./facts.ts";
import { gatherContent, type Content } from "./gather-content.ts";
import type { Manifest, RegistryReader } from "./registry.ts";
import { isRegistryError, RegistryError } from "./registry-error.ts";

export interface GatherLimits {
  /** For the manifest and everything attached to it. */
  readonly deadlineMs: number;
  /** For reading all content through. */
  readonly layersDeadlineMs: number;
  /** An artifact with more content is not read through here; its layers are then compared only when it is pulled. */
  readonly maxLayerBytes: number;
}

export interface GatherRequest {
  /** A reader whose requests end with the signal. */
  readonly connect: (signal: AbortSignal) => RegistryReader;
  readonly name: string;
  readonly digest: string;
  /** Of the attestations that policies ask for; others are not read. */
  readonly predicateTypes: ReadonlySet<string>;
  readonly limits: GatherLimits;
  /** Looks into what is read; absent: nobody asked what is in it. */
  readonly scanner?: FormatScanner | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is known from before. Under its digest content does not change, so it is not read again. */
  readonly known?: ArtifactFacts | undefined;
}

/** What the API bounds the list of platforms to. */
const maxPlatforms = 64;

/** Reads everything about an artifact that a decision can rest on. */
export async function gatherArtifact(request: GatherRequest): Promise<ArtifactState> {
  const { connect, name, digest, predicateTypes, limits, known, signal } = request;
  try {
    const warnings = new Set<string>();
    const { manifest, platforms, bundles } = await withDeadline(signal, limits.deadlineMs, async (bounded) => {
      const client = connect(bounded);
      const found = await client.manifest(digest);
      const attached = await gatherAttached({ client, digest, predicateTypes, known });
      for (const warning of client.warnings) warnings.add(warning);
      return { manifest: found, platforms: platformsOf(found, name), bundles: attached };
    });
    const isSigned = bundles.bundles.some(({ claim }) => claim.kind === "Signature");
    // What nobody has signed is refused whatever is in it: nobody makes us read it.
    const content: Content = !isSigned
      ? { layers: { state: "NotChecked" } }
      : await withDeadline(signal, limits.layersDeadlineMs, async (bounded) => {
          const client = connect(bounded);
          const { scanner } = request;
          const read = await gatherContent({ client, manifest, platforms, limits, scanner, signal: bounded, known });
          for (const warning of client.warnings) warnings.add(warning);
          return read;
        });
    const found = { name, digest, platformDigests: platforms, ...bundles, ...content, warnings: [...warnings] };
    return { state: "Found", ...found } satisfies ArtifactFacts;
  } catch (error) {
    return stateOf(error, name, digest);
  }
}

function platformsOf({ content }: Manifest, name: string): readonly string[] {
  if (content.kind === "Manifest") return [];
  const platforms = [...new Set(content.manifests.map((entry) => entry.digest))];
  if (platforms.length <= maxPlatforms) return platforms;
  throw new RegistryError(
    "Malformed",
    `the index of ${name} lists ${platforms.length} manifests, more than ${maxPlatforms}; use one with fewer`,
  );
}

/** A failed exchange as what it means for a verdict. A defect is no failed exchange and passes through. */
export function stateOf(error: unknown, name: string, digest: string | undefined): Unavailable | Refused {
  if (!isRegistryError(error)) throw error;
  const { consequence, message } = error;
  return consequence.outcome === "Rejected"
    ? { state: "Refused", name, digest, reason: consequence.reason, message }
    : { state: "Unavailable", name, digest, reason: consequence.reason, message, retryAfterMs: error.retryAfterMs };
}
