import type { X509Certificate } from "node:crypto";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import { z } from "zod";
import { firstExpiry, parseCertificates, pathToRoot } from "./certificates.ts";
import { canonicalJson, hash } from "./fingerprint.ts";

/** Whom certificates and timestamps may come from, in the form that the sigstore tools share (`trusted_root.json`). */
export interface TrustRoot {
  readonly fingerprint: string;
  readonly json: string;
  readonly material: TrustMaterial;
  /** Every certificate authority in it. */
  readonly authorities: readonly X509Certificate[];
  /** When its last certificate authority, or its last timestamp authority, ends: nothing new can be verified then. */
  readonly expiresAt: Date;
  readonly hasTimestampAuthorities: boolean;
  /** What is listed is demanded: an entry in a transparency log. */
  readonly demandsLog: boolean;
  /** What is listed is demanded: a promise of a certificate transparency log. */
  readonly demandsCertificateLog: boolean;
}

/** Who may prove a time, for signatures by keys. */
export interface TimestampRoot {
  readonly fingerprint: string;
  readonly material: TrustMaterial;
  readonly chains: readonly Chain[];
  readonly expiresAt: Date;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** From the one that signs up to the root. */
type Chain = readonly X509Certificate[];

const Certificates = z.object({
  certificates: z
    .array(z.object({ rawBytes: z.base64() }))
    .min(1)
    .max(8),
});
const Authority = z.looseObject({
  certChain: Certificates,
  validFor: z.object({ start: z.string().optional(), end: z.string().optional() }).optional(),
});
const Log = z.looseObject({ publicKey: z.looseObject({ rawBytes: z.base64() }) });
const RootFile = z.looseObject({
  mediaType: z.string().startsWith("application/vnd.dev.sigstore.trustedroot"),
  certificateAuthorities: z.array(Authority).min(1).max(32),
  timestampAuthorities: z.array(Authority).max(32).default([]),
  tlogs: z.array(Log).max(32).default([]),
  ctlogs: z.array(Log).max(32).default([]),
});

/** Reads a trusted root as it was given: for keyless signatures. */
export function readTrustedRoot(text: string): Parsed<TrustRoot> {
  const parsed = RootFile.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return bad(
      `it is not a trusted root with at least one certificate authority (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}); ` +
        "make it with cosign trusted-root create",
    );
  }
  if (parsed.data.timestampAuthorities.length === 0 && parsed.data.tlogs.length === 0) {
    return bad(
      "it lists neither a transparency log nor a timestamp authority, so no time of signing can be proven; add one of them",
    );
  }
  return toRoot(parsed.data);
}

/** A trust root of one's own certificate authority: `ca` has the root and every issuing authority below it. */
export function ownTrustRoot(ca: string, timestamps: TimestampRoot | undefined): Parsed<TrustRoot> {
  if (timestamps === undefined) {
    return bad(
      "without a timestamp authority nothing proves that the certificate was valid when it signed; add one to spec.timestampAuthorities",
    );
  }
  const parsed = parseCertificates(ca);
  if (!parsed.ok) return bad(`its certificate authorities are not usable: ${parsed.problem}`);
  const { certificates } = parsed;
  const strange = certificates.find((certificate) => !certificate.ca);
  if (strange !== undefined) {
    return bad(`${nameOf(strange)} is not a certificate authority; give the root and the issuing authorities only`);
  }
  const chains: Chain[] = [];
  for (const certificate of certificates) {
    const path = pathToRoot(certificate, certificates);
    if (path === undefined) {
      return bad(`${nameOf(certificate)} does not lead to a root that is given too; add every certificate above it`);
    }
    chains.push(path);
  }
  return toRoot({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [],
    ctlogs: [],
    certificateAuthorities: chains.map(toAuthority),
    timestampAuthorities: timestamps.chains.map(toAuthority),
  });
}

/** Timestamp authorities, each as its signing certificate and those above it, in any order. */
export function readTimestampRoot(texts: readonly string[]): Parsed<TimestampRoot> {
  const chains: Chain[] = [];
  for (const text of texts) {
    const parsed = parseCertificates(text);
    if (!parsed.ok) return bad(parsed.problem);
    const signers = parsed.certificates.filter((certificate) => !certificate.ca);
    if (signers.length === 0)
      return bad("it has no certificate that signs timestamps, only authorities above it; add it");
    for (const signer of signers) {
      const path = pathToRoot(signer, parsed.certificates);
      if (path === undefined)
        return bad(`${nameOf(signer)} does not lead to a root that is given too; add every certificate above it`);
      chains.push(path);
    }
  }
  const file = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    timestampAuthorities: chains.map(toAuthority),
  };
  const material = materialOf(file);
  if (!material.ok) return material;
  return {
    ok: true,
    value: {
      chains,
      material: material.value,
      fingerprint: hash(file),
      expiresAt: lastOf(chains.map(firstExpiry)),
    },
  };
}

function toRoot(file: z.output<typeof RootFile>): Parsed<TrustRoot> {
  const material = materialOf(file);
  if (!material.ok) return material;
  const chainsOf = (authorities: readonly z.output<typeof Authority>[]): readonly Parsed<Chain>[] =>
    authorities.map(({ certChain }) => {
      const pem = certChain.certificates
        .map(({ rawBytes }) => `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----`)
        .join("\n");
      const parsed = parseCertificates(pem);
      return parsed.ok ? { ok: true, value: parsed.certificates } : parsed;
    });
  const issuing = chainsOf(file.certificateAuthorities);
  const timestamping = chainsOf(file.timestampAuthorities);
  const chains = { issuing: [] as Chain[], timestamping: [] as Chain[] };
  for (const [list, into] of [
    [issuing, chains.issuing],
    [timestamping, chains.timestamping],
  ] as const) {
    for (const chain of list) {
      if (!chain.ok) return bad(chain.problem);
      into.push(chain.value);
    }
  }
  const ends = [lastOf(chains.issuing.map(firstExpiry))];
  if (chains.timestamping.length > 0) ends.push(lastOf(chains.timestamping.map(firstExpiry)));
  return {
    ok: true,
    value: {
      fingerprint: hash(file),
      json: canonicalJson(file),
      material: material.value,
      authorities: chains.issuing.flat(),
      expiresAt: new Date(Math.min(...ends.map((end) => end.getTime()))),
      hasTimestampAuthorities: chains.timestamping.length > 0,
      demandsLog: file.tlogs.length > 0,
      demandsCertificateLog: file.ctlogs.length > 0,
    },
  };
}

function materialOf(file: unknown): Parsed<TrustMaterial> {
  try {
    return { ok: true, value: toTrustMaterial(TrustedRoot.fromJSON(file)) };
  } catch (error) {
    return bad(`it is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function toAuthority(chain: Chain) {
  return {
    certChain: { certificates: chain.map(({ raw }) => ({ rawBytes: raw.toString("base64") })) },
    // Each certificate says itself from when until when it is valid.
    validFor: { start: "1970-01-01T00:00:00Z" },
  };
}

function lastOf(times: readonly Date[]): Date {
  return new Date(Math.max(...times.map((time) => time.getTime())));
}

/** A subject as one line. */
function nameOf({ subject }: X509Certificate): string {
  return `the certificate of ${subject.replaceAll("\n", ", ").slice(0, 256)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
