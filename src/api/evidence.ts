import { z } from "zod";
import { Digest, GROUP } from "./schema.ts";

/** The predicate of every evidence record; docs/reference/evidence.md describes it. */
export const EVIDENCE_PREDICATE_TYPE = `https://${GROUP}/evidence/v1alpha1`;
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

/** Chains that belong to no object: the keys that may sign, and what all other chains ended in. */
export const KEY_CHAIN = "keys";
export const CHECKPOINT_CHAIN = "checkpoints";

const Text = z.string().max(2048);
const Name = z.string().max(253);
const Count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
/** As Date.toISOString writes it: one way to write a time, and texts that sort as times do. */
const Time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
/** The uid of an object, or one of the two names above. It becomes a folder and a part of a tag. */
export const ChainId = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);

/** What a verdict rests on. What else a status says is left out: the record has no place for it. */
export const VerdictBasis = z.object({
  outcome: z.enum(["Verified", "Rejected", "Indeterminate"]),
  reason: z.string().max(128),
  digest: Digest.optional(),
  signers: z
    .array(
      z.object({
        policy: Name,
        authority: Name,
        keyFingerprint: z.string().max(71).optional(),
        subject: z.string().max(512).optional(),
        issuer: z.string().max(512).optional(),
        signedAt: z.string().max(64).optional(),
      }),
    )
    .max(64)
    .optional(),
  attestations: z
    .array(z.object({ policy: Name, name: Name, authority: Name }))
    .max(64)
    .optional(),
  /** The ModelAction by which somebody let it pass. */
  exception: z.object({ action: Name, approver: z.string().max(256), notAfter: z.string().max(64) }).optional(),
  policies: z
    .array(z.object({ name: Name, generation: Count }))
    .max(64)
    .optional(),
  trustFingerprint: z.string().max(71).optional(),
  verifiedAt: z.string().max(64).optional(),
  notAfter: z.string().max(64).optional(),
});

const Verdict = z.strictObject({
  type: z.literal("Verdict"),
  ...VerdictBasis.shape,
  /** Of a SecureNamespace: the allowed image that it is about. */
  image: Name.optional(),
  message: Text,
  reference: z.string().max(512).optional(),
});

const Granted = z.strictObject({ digest: Digest, uses: z.array(z.string().max(32)).max(8), notAfter: Time });

/** All that the object has granted from here on, not what was added. */
const Grant = z.strictObject({ type: z.literal("Grant"), digests: z.array(Granted).min(1).max(512), omitted: Count });
/** The object has nothing granted any more. */
const Withdrawal = z.strictObject({ type: z.literal("Withdrawal"), reason: z.string().max(128), message: Text });
const Quarantine = z.strictObject({
  type: z.literal("Quarantine"),
  reason: z.string().max(128),
  message: Text,
  since: z.string().max(64),
  snapshot: Name.optional(),
});
/** A quarantine is over: something that is verified may run again. */
const Release = z.strictObject({ type: z.literal("Release") });
/** What the spec asks for is not started, for another reason than its verdict. */
const Refusal = z.strictObject({ type: z.literal("Refusal"), reason: z.string().max(128), message: Text });
/** What stood in the way of the record before is gone. */
const Admission = z.strictObject({ type: z.literal("Admission") });
/** Whether the admission policies hold a namespace shut. */
const Enforcement = z.strictObject({
  type: z.literal("Enforcement"),
  enforced: z.boolean(),
  profile: z.string().max(32),
  reason: z.string().max(128),
  message: Text,
});
/** Whether a namespace lets in or out what is not declared, and the first of the objects that do, as KIND/NAME. */
const Isolation = z.strictObject({
  type: z.literal("Isolation"),
  isolated: z.enum(["True", "False", "Unknown"]),
  reason: z.string().max(128),
  message: Text,
  breaches: Count,
  objects: z.array(z.string().max(320)).max(16),
});
/** Records that could not be kept while the store was away. */
const Gap = z.strictObject({ type: z.literal("Gap"), dropped: z.int().min(1), first: Time, last: Time });
/** The key that signs from the next record on; this one is signed by the key before. The first one signs itself. */
const KeyRotation = z.strictObject({
  type: z.literal("KeyRotation"),
  publicKey: z.string().max(1024),
  fingerprint: Digest,
  replaces: Digest.optional(),
});
const Head = z.strictObject({ chain: ChainId, sequence: Count, digest: Digest });
export type EvidenceChainHead = z.output<typeof Head>;
/** What chains ended in. `root`: over all heads known so far, once the last part of a checkpoint names the last of them. */
const Checkpoint = z.strictObject({
  type: z.literal("Checkpoint"),
  heads: z.array(Head).max(1000),
  chains: Count,
  root: Digest.optional(),
});

export const EvidenceDecision = z.discriminatedUnion("type", [
  Verdict,
  Grant,
  Withdrawal,
  Quarantine,
  Release,
  Refusal,
  Admission,
  Enforcement,
  Isolation,
  Gap,
  KeyRotation,
  Checkpoint,
]);
export type EvidenceDecision = z.output<typeof EvidenceDecision>;

const EvidenceObject = z.strictObject({
  apiVersion: z.string().max(253),
  kind: z.string().max(63),
  namespace: Name.optional(),
  name: Name,
  uid: ChainId,
  generation: Count,
});
export type EvidenceObject = z.output<typeof EvidenceObject>;

/** Names what part of an object a decision is about: each part has one current decision. */
const Part = z.string().regex(/^[a-z]+(\/[a-z0-9-]{1,63})?$/);

export const EvidencePredicate = z
  .strictObject({
    chain: ChainId.describe("The uid of the object, or keys, or checkpoints."),
    sequence: Count.describe("0 for the first record of a chain, then counting up."),
    previous: Digest.describe("sha256 of the bytes of the record before; absent in the first.").optional(),
    time: Time.describe("When it was decided; never before the record before."),
    object: EvidenceObject.describe("Whose decision it is; absent in the chains keys and checkpoints.").optional(),
    recorder: z
      .strictObject({ identity: z.string().max(253), version: z.string().max(64) })
      .describe("The pod that recorded it, and the version of the operator."),
    reconcileId: z
      .string()
      .max(64)
      .describe("The pass that decided it, as in the operator's log and in the annotations of its Events.")
      .optional(),
    part: Part.describe("What the decision is about; the next record of the same part replaces it."),
    decision: EvidenceDecision,
    state: z
      .record(Part, Digest)
      .describe("For each part, the hash of its last decision; it keeps a successor from recording the same again."),
  })
  .meta({ title: "Evidence", id: "evidence" });
export type EvidencePredicate = z.output<typeof EvidencePredicate>;

/** An in-toto Statement v1 about artifacts, or about the object where there are none. */
export const EvidenceStatement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(
      z.strictObject({
        name: z.string().max(1024),
        digest: z.strictObject({ sha256: z.string().regex(/^[a-f0-9]{64}$/) }),
      }),
    )
    .min(1)
    .max(64),
  predicateType: z.literal(EVIDENCE_PREDICATE_TYPE),
  predicate: EvidencePredicate,
});
export type EvidenceStatement = z.output<typeof EvidenceStatement>;

/** Where the chain of an object stood when its status was written. It may lag behind the chain, never run ahead of it. */
export const EvidenceStatus = z.object({
  sequence: z.int().min(0),
  head: Digest,
  recordedAt: z.string().max(64).meta({ format: "date-time" }),
});
export type EvidenceStatus = z.output<typeof EvidenceStatus>;
