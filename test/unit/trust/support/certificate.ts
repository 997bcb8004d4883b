import type { BundleFact, ResolvedAuthority, SignatureFact } from "../../../../src/trust/index.ts";
import type { CertificateSigner } from "../../../../src/trust/certificate-check.ts";
import { compileIdentity, type IdentityPattern, type IdentitySource } from "../../../../src/trust/identity.ts";
import type { RevocationList } from "../../../../src/trust/revocation-list.ts";
import type { TrustRoot } from "../../../../src/trust/trust-root.ts";
import { bundle, digestOf, fact, hour, later, now } from "./build.ts";

/** What decisions need of certificates, without any: facts say who signed. */
export const ownRoot = rootOf("1");
export const otherRoot = rootOf("2");

function rootOf(letter: string): TrustRoot {
  return { fingerprint: digestOf(letter), expiresAt: later(1000 * hour) } as TrustRoot;
}

export function identity(source: IdentitySource): IdentityPattern {
  const compiled = compileIdentity(source);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.pattern;
}

export function certified(
  name: string,
  sources: readonly IdentitySource[],
  overrides: { readonly root?: TrustRoot; readonly revocations?: RevocationList } = {},
): ResolvedAuthority {
  return { name, root: ownRoot, identities: sources.map(identity), ...overrides };
}

export function byCertificate(bundleDigest: string, claim: Readonly<Record<string, unknown>> = {}): BundleFact {
  return bundle({ signedBy: { kind: "Certificate", der: Buffer.alloc(0) }, ...claim }, bundleDigest);
}

export function signer(overrides: Partial<CertificateSigner> = {}): CertificateSigner {
  return {
    subject: "release@bank.example",
    keyFingerprint: digestOf("e"),
    path: [{ issuer: "issuing", issuerKey: "issuing key", serial: "01" }],
    signedAt: new Date(now.getTime() - hour),
    ...overrides,
  };
}

export function certificateFact(
  bundleDigest: string,
  who: Partial<CertificateSigner> = {},
  by: TrustRoot = ownRoot,
): SignatureFact {
  return { ...fact({ bundleDigest, by: by.fingerprint }), outcome: "valid", signer: signer(who) };
}

export function strangerFact(bundleDigest: string): SignatureFact {
  return { ...fact({ bundleDigest, by: ownRoot.fingerprint }), outcome: "stranger", signer: signer() };
}
