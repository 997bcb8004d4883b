import { readBundle, SIGNATURE_PREDICATE_TYPE } from "./bundle.ts";
import type { ArtifactFacts, BundleFact } from "./facts.ts";
import { isContentProblem, type RegistryReader } from "./registry.ts";
import { Semaphore } from "./semaphore.ts";

export interface AttachedRequest {
  readonly client: RegistryReader;
  readonly digest: string;
  /** Of the attestations that policies ask for; others are not read. */
  readonly predicateTypes: ReadonlySet<string>;
  readonly known?: ArtifactFacts | undefined;
}

const bundleType = "application/vnd.dev.sigstore.bundle";
/** What clients attach today, to be asked for by itself where there is too much of other things. */
const currentBundleType = `${bundleType}.v0.3+json`;
const predicateAnnotation = "dev.sigstore.bundle.predicateType";
/** Whoever may push can attach as many as they like; clients keep the list in no order of time. */
const maxReferrers = 512;
const maxSignatures = 128;
const maxAttestations = 128;
const maxSignatureBytes = 256 * 1024;
/** A list of all packages in an image can be long. */
const maxAttestationBytes = 4 * 1024 * 1024;
const maxAllAttestationBytes = 16 * 1024 * 1024;
const maxAllSignatureBytes = 8 * 1024 * 1024;
const parallelRequests = 8;

/** Reads the bundles that are attached to an artifact: all signatures, and the attestations that are asked for. */
export async function gatherAttached(request: AttachedRequest): Promise<Pick<ArtifactFacts, "bundles" | "leftOut">> {
  const { client, digest, predicateTypes, known } = request;
  const referrers = (await client.referrers(digest, currentBundleType)).filter(
    ({ artifactType }) => artifactType === undefined || artifactType.startsWith(bundleType),
  );
  const slots = new Semaphore(parallelRequests);
  const digests = [...new Set(referrers.map((referrer) => referrer.digest))];
  const settled = (known?.bundles ?? []).filter((bundle) => isSettled(bundle, predicateTypes));
  const budget = new Budget(settled);
  const lists = await Promise.all(
    digests.slice(0, maxReferrers).map(async (referrer) => {
      const before = settled.filter((bundle) => bundle.referrer === referrer);
      return before.length > 0 ? before : slots.run(() => readReferrer(request, referrer, budget));
    }),
  );
  const all = lists.flat();
  const ofKind = (kind: BundleFact["claim"]["kind"]): readonly BundleFact[] =>
    all.filter(({ claim }) => claim.kind === kind);
  const signatures = ofKind("Signature");
  const attestations = ofKind("Attestation");
  const others = all.filter(({ claim }) => claim.kind !== "Signature" && claim.kind !== "Attestation");
  const beyond = (list: readonly unknown[], bound: number): number => Math.max(0, list.length - bound);
  return {
    bundles: [...signatures.slice(0, maxSignatures), ...attestations.slice(0, maxAttestations), ...others],
    leftOut:
      budget.leftOut +
      beyond(digests, maxReferrers) +
      beyond(signatures, maxSignatures) +
      beyond(attestations, maxAttestations),
  };
}

/** How many bytes are held of one artifact's bundles together. */
class Budget {
  readonly #left: Record<"Signature" | "Attestation", number> = {
    Signature: maxAllSignatureBytes,
    Attestation: maxAllAttestationBytes,
  };
  /** How many there was no room for. */
  leftOut = 0;

  constructor(settled: readonly BundleFact[]) {
    for (const { claim, bytes } of settled)
      this.#left[claim.kind === "Signature" ? "Signature" : "Attestation"] -= bytes.length;
  }

  takes(kind: "Signature" | "Attestation", bytes: number): boolean {
    const fits = bytes <= this.#left[kind];
    if (fits) this.#left[kind] -= bytes;
    else this.leftOut++;
    return fits;
  }
}

/** Whether it needs no second look: what was damaged may have been mended, what nobody asked for may be asked for now. */
function isSettled({ claim }: BundleFact, predicateTypes: ReadonlySet<string>): boolean {
  if (claim.kind === "NotRead") return !predicateTypes.has(claim.predicateType);
  return claim.kind !== "Malformed";
}

/** One that is damaged or gone must not hide the others; a registry that does not answer hides them all. */
async function readReferrer(
  { client, digest, predicateTypes }: AttachedRequest,
  referrer: string,
  budget: Budget,
): Promise<readonly BundleFact[]> {
  const nothing = { referrer, bytes: Buffer.alloc(0) };
  try {
    const { content } = await client.manifest(referrer);
    const layer =
      content.kind === "Manifest"
        ? content.layers.find(({ mediaType }) => mediaType.startsWith(bundleType))
        : undefined;
    if (content.kind !== "Manifest" || layer === undefined) return [];
    // Not proven, but at worst somebody hides their own signature. It spares a request for each attestation.
    const predicateType = content.annotations?.[predicateAnnotation] ?? SIGNATURE_PREDICATE_TYPE;
    const isSignature = predicateType === SIGNATURE_PREDICATE_TYPE;
    if (!isSignature && !predicateTypes.has(predicateType)) {
      return [{ ...nothing, digest: layer.digest, claim: { kind: "NotRead", predicateType } }];
    }
    const limit = isSignature ? maxSignatureBytes : maxAttestationBytes;
    // One that is refused for its size alone takes nothing from the others.
    if (layer.size <= limit && !budget.takes(isSignature ? "Signature" : "Attestation", layer.size)) return [];
    const bytes = await client.blob(layer, limit);
    const claim = readBundle(bytes, digest);
    // Nobody needs the bytes of what vouches for nothing.
    const isOfUse = claim.kind === "Signature" || claim.kind === "Attestation";
    return [{ ...nothing, digest: layer.digest, claim, ...(isOfUse ? { bytes } : {}) }];
  } catch (error) {
    if (!isContentProblem(error)) throw error;
    return [{ ...nothing, digest: referrer, claim: { kind: "Malformed", problem: error.message } }];
  }
}
