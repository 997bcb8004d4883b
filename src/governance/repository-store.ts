import { z } from "zod";
import { EVIDENCE_PREDICATE_TYPE, ChainId } from "../api/index.ts";
import { BUNDLE_TYPE, maxBundleBytes } from "./bundle.ts";
import {
  INDEX_TYPE,
  MANIFEST_TYPE,
  RepositoryClient,
  type Descriptor,
  type RepositoryOptions,
} from "./repository-client.ts";
import {
  type Appended,
  type Entry,
  type EvidenceStore,
  type NewRecord,
  StoreError,
  compareEntries,
  paddedSequence,
} from "./store.ts";

const emptyType = "application/vnd.oci.empty.v1+json";
const tagPattern = /^([a-z0-9-]{1,63})-(\d{10})-([a-f0-9]{64})$/;
/** A list that clients keep where the registry keeps none; beyond this the oldest leave it, and stay under their tags. */
const maxListed = 500;

const ReferrerIndex = z.object({
  manifests: z.array(z.object({ digest: z.string() }).loose()),
});

/**
 * Each record is an OCI artifact of its own, tagged CHAIN-SEQUENCE-SHA256. The hash in the tag lets two writers never
 * overwrite each other: a fork stays to be seen. A record of an artifact has it for its subject.
 */
export class RepositoryStore implements EvidenceStore {
  readonly #client: RepositoryClient;
  /** The blob that every manifest has for its configuration. */
  #empty: Descriptor | undefined;
  #listing: Promise<unknown> = Promise.resolve();

  constructor(options: RepositoryOptions) {
    this.#client = new RepositoryClient(options);
  }

  async list(signal: AbortSignal): Promise<readonly Entry[]> {
    const tags = await this.#client.tags(signal);
    const entries = tags.flatMap((tag) => {
      const [, chain = "", sequence, hex] = tagPattern.exec(tag) ?? [];
      if (hex === undefined || !ChainId.safeParse(chain).success) return [];
      return { chain, sequence: Number(sequence), digest: `sha256:${hex}` };
    });
    return entries.sort(compareEntries);
  }

  async read({ digest }: Entry, signal: AbortSignal): Promise<Buffer> {
    if (digest === undefined) throw new TypeError("an entry of a repository has a digest");
    return this.#client.blob(digest, maxBundleBytes, signal);
  }

  async append(record: NewRecord, signal: AbortSignal): Promise<Appended> {
    this.#empty ??= await this.#client.pushBlob("{}", emptyType, signal);
    const layer = await this.#client.pushBlob(record.bytes.toString("utf8"), BUNDLE_TYPE, signal);
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: BUNDLE_TYPE,
      config: this.#empty,
      layers: [layer],
      // The artifact lies elsewhere, and nothing is known of its size; referrers are found by the digest alone.
      ...(record.artifact === undefined
        ? {}
        : { subject: { mediaType: MANIFEST_TYPE, digest: record.artifact, size: 0 } }),
      annotations: {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": EVIDENCE_PREDICATE_TYPE,
      },
    };
    const tag = `${record.chain}-${paddedSequence(record.sequence)}-${record.digest.slice("sha256:".length)}`;
    const push = { tag, manifest: JSON.stringify(manifest), mediaType: MANIFEST_TYPE };
    const { listed, ...pushed } = await this.#client.pushManifest(push, signal);
    if (record.artifact !== undefined && !listed) await this.#enlist(record.artifact, pushed, signal);
    return "Kept";
  }

  /** The index that takes the place of the referrers API where there is none; one change at a time. */
  #enlist(artifact: string, pushed: Descriptor, signal: AbortSignal): Promise<void> {
    const next = this.#listing.then(async () => {
      const tag = artifact.replace(":", "-");
      const living = await this.#client.manifest(tag, INDEX_TYPE, signal);
      const known = living === undefined ? [] : readIndex(living, tag);
      if (known.some(({ digest }) => digest === pushed.digest)) return;
      const manifests = [...known, { ...pushed, artifactType: BUNDLE_TYPE }].slice(-maxListed);
      const manifest = JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
      await this.#client.pushManifest({ tag, manifest, mediaType: INDEX_TYPE }, signal);
    });
    this.#listing = next.catch(() => undefined);
    return next;
  }
}

function readIndex(bytes: Buffer, tag: string) {
  try {
    return ReferrerIndex.parse(JSON.parse(bytes.toString("utf8"))).manifests;
  } catch (error) {
    throw new StoreError("Malformed", `what the evidence repository has as ${tag} is no index: remove that tag`, error);
  }
}
