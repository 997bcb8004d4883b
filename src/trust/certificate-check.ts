import { createHash, X509Certificate as NodeCertificate, type KeyObject } from "node:crypto";
import { bundleFromJSON, type Bundle } from "@sigstore/bundle";
import type { X509Certificate } from "@sigstore/core";
import { toSignedEntity, Verifier, type SignedEntity } from "@sigstore/verify";
import type { Envelope } from "./bundle.ts";
import { identityOf } from "./certificate-identity.ts";
import { pathToRoot } from "./certificates.ts";
import { isSignedBy } from "./dsse.ts";
import type { Identity } from "./identity.ts";
import { serialNumberOf, type SerialNumber } from "./revocation-list.ts";
import type { TimestampRoot, TrustRoot } from "./trust-root.ts";

/** Who signed, as the certificate says, once the signature, the certificate's path and the time are verified. */
export interface CertificateSigner extends Identity {
  /** sha256 of the key's DER SubjectPublicKeyInfo. */
  readonly keyFingerprint: string;
  /** From the certificate that signed to the one below the root. */
  readonly path: readonly SerialNumber[];
  /** The earliest proven time. */
  readonly signedAt: Date;
}

export type CertificateCheck =
  { readonly ok: true; readonly signer: CertificateSigner } | { readonly ok: false; readonly problem: string };

/**
 * Verifies a bundle in this process, with sigstore's own library: the signature, the certificate's path, that it was valid
 * at a proven time of signing, and the logs that the root demands. cosign must confirm it. What the library and cosign let
 * pass besides, a certificate for another purpose or a name that can be read in two ways, is refused here.
 */
export function checkCertificate(bundle: Buffer, envelope: Envelope, root: TrustRoot): CertificateCheck {
  try {
    const entity = withHashOfKey(toSignedEntity(toBundle(bundle)), envelope);
    if (entity.key.$case !== "certificate")
      return { ok: false, problem: "it was signed by a key, without a certificate" };
    const { certificate } = entity.key;
    const leaf = new NodeCertificate(certificate.root.toDER());
    const unfit = unfitness(leaf, certificate);
    if (unfit !== undefined) return { ok: false, problem: unfit };
    if (root.demandsLog && entity.tlogEntries.length === 0)
      return { ok: false, problem: "no transparency log knows it" };
    const checked = forLibrary(entity, root);
    const verifier = new Verifier(root.material, {
      ctlogThreshold: root.demandsCertificateLog ? 1 : 0,
      tlogThreshold: checked.tlogEntries.length > 0 ? 1 : 0,
      timestampThreshold: 1,
    });
    const path = pathToRoot(leaf, root.authorities);
    if (path === undefined) return { ok: false, problem: "its certificate is by none of the authorities" };
    return {
      ok: true,
      signer: {
        keyFingerprint: `sha256:${createHash("sha256").update(certificate.publicKey).digest("hex")}`,
        ...identityOf(certificate),
        path: path.flatMap((step, at) => {
          const above = path[at + 1];
          return above === undefined ? [] : [serialNumberOf(step, above)];
        }),
        signedAt: earliestOf(checked, verifier),
      },
    };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

const codeSigning = "1.3.6.1.5.5.7.3.3";

/** Whether a certificate is meant to sign artifacts: neither verifier looks at all of this. */
function unfitness(leaf: NodeCertificate, parsed: X509Certificate): string | undefined {
  if (leaf.ca) return "its certificate is an authority's, not a signer's";
  if (parsed.extKeyUsage?.digitalSignature !== true) return "its certificate is not for signatures";
  // Node's name for the extended key usage.
  if (!(leaf.keyUsage as readonly string[] | undefined)?.includes(codeSigning))
    return "its certificate is not for signing code";
  return undefined;
}

/** When a signature by this key was made at the latest, if one of these authorities says so. */
export function provenTime(bundle: Buffer, key: KeyObject, timestamps: TimestampRoot): Date | undefined {
  try {
    const entity = withoutLogs(toSignedEntity(toBundle(bundle)));
    const always = { publicKey: key, validFor: () => true };
    const material = { ...timestamps.material, publicKey: () => always };
    return earliestOf(entity, new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 1 }));
  } catch {
    // Whatever is wrong with it, it proves nothing.
    return undefined;
  }
}

/**
 * What the root lists nobody for is left out: it could not be verified, and nobody relies on it. Where a timestamp
 * authority proves the time, the log is left to cosign: the library refuses what Rekor 2 writes.
 */
function forLibrary(entity: SignedEntity, root: TrustRoot): SignedEntity {
  const isTimestamped = entity.timestamps.some(({ $case }) => $case === "timestamp-authority");
  if (!root.demandsLog || (root.hasTimestampAuthorities && isTimestamped)) return withoutLogs(entity);
  return { ...entity, timestamps: entity.timestamps.filter(({ $case }) => $case === "transparency-log") };
}

/** The library hashes with SHA-256 whatever the key; signers hash with what goes with the curve. */
function withHashOfKey(entity: SignedEntity, envelope: Envelope): SignedEntity {
  const { signature } = entity;
  return {
    ...entity,
    signature: {
      signature: signature.signature,
      compareSignature: (other) => signature.compareSignature(other),
      compareDigest: (digest) => signature.compareDigest(digest),
      verifySignature: (key) => isSignedBy(envelope, key),
    },
  };
}

function withoutLogs(entity: SignedEntity): SignedEntity {
  return {
    ...entity,
    tlogEntries: [],
    timestamps: entity.timestamps.filter(({ $case }) => $case === "timestamp-authority"),
  };
}

/** With the one certificate that signed: those above it come from the trust root, never from the bundle. */
function toBundle(bytes: Buffer): Bundle {
  const json = JSON.parse(bytes.toString("utf8")) as {
    verificationMaterial?: { x509CertificateChain?: { certificates?: readonly unknown[] }; certificate?: unknown };
  };
  const material = json.verificationMaterial;
  const leaf = material?.x509CertificateChain?.certificates?.[0];
  if (material === undefined || leaf === undefined) return bundleFromJSON(json);
  const { x509CertificateChain: _chain, ...rest } = material;
  return bundleFromJSON({ ...json, verificationMaterial: { ...rest, certificate: leaf } });
}

/** The earliest time that is proven, with all else that is to be verified; throws where there is none. */
function earliestOf(entity: SignedEntity, verifier: Verifier): Date {
  const proven: number[] = [];
  let problem: unknown = new Error("nothing proves when it was signed");
  // One by one: a timestamp of a stranger beside a good one does no harm.
  for (const timestamp of entity.timestamps) {
    try {
      verifier.verify({ ...entity, timestamps: [timestamp] });
      proven.push(timeOf(timestamp));
    } catch (error) {
      problem = error;
    }
  }
  if (proven.length === 0) throw problem;
  return new Date(Math.min(...proven));
}

function timeOf(timestamp: SignedEntity["timestamps"][number]): number {
  return timestamp.$case === "timestamp-authority"
    ? timestamp.timestamp.signingTime.getTime()
    : Number(timestamp.tlogEntry.integratedTime) * 1000;
}
