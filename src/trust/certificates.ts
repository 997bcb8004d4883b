import { X509Certificate } from "node:crypto";

export type ParsedCertificates =
  | { readonly ok: true; readonly certificates: readonly X509Certificate[] }
  | { readonly ok: false; readonly problem: string };

const maxCertificates = 32;
const block = /-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+-----END \1-----/g;

/** Parses certificates in PEM. No part of what was given is repeated: a private key may be among it, put there by mistake. */
export function parseCertificates(text: string): ParsedCertificates {
  if (text.includes("PRIVATE KEY")) {
    return bad("it holds a PRIVATE key: remove it, and replace the key, since this one has been exposed");
  }
  const blocks = pemBlocks(text, "CERTIFICATE");
  if (blocks === undefined)
    return bad("it must be PEM blocks that start with -----BEGIN CERTIFICATE-----, and nothing else");
  if (blocks.length > maxCertificates) return bad(`it has more than ${maxCertificates} certificates`);
  try {
    return { ok: true, certificates: blocks.map((der) => new X509Certificate(der)) };
  } catch {
    return bad("one of its certificates is damaged; copy the file again as it is");
  }
}

/** The content of PEM blocks with this label; undefined where there is anything else, or nothing. Comments may stand between. */
export function pemBlocks(text: string, label: string): readonly Buffer[] | undefined {
  const blocks = [...text.matchAll(block)];
  if (blocks.length === 0 || blocks.some(([, found]) => found !== label)) return undefined;
  if (text.replace(block, "").includes("-----")) return undefined;
  return blocks.map(([whole]) => Buffer.from(whole.replace(/-----[^-]+-----/g, ""), "base64"));
}

/** The certificate and those above it, up to one that signed itself; undefined where a link is missing. */
export function pathToRoot(
  leaf: X509Certificate,
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  const path = [leaf];
  let last = leaf;
  while (!isSelfSigned(last)) {
    const current = last;
    const issuer = authorities.find(
      (candidate) => candidate.ca && isIssuedBy(current, candidate) && !path.includes(candidate),
    );
    if (issuer === undefined) return undefined;
    path.push(issuer);
    last = issuer;
  }
  return path;
}

/** Whether a certificate in DER leads to one that signed itself: a look that costs little, whatever is in it. */
export function isIssuedByOneOf(der: Buffer, authorities: readonly X509Certificate[]): boolean {
  try {
    return pathToRoot(new X509Certificate(der), authorities) !== undefined;
  } catch {
    return false;
  }
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, certificate);
}

/** When the first of them ends. */
export function firstExpiry(certificates: readonly X509Certificate[]): Date {
  return new Date(Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))));
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    // A kind of key that cannot be used so has issued nothing.
    return false;
  }
}

function bad(problem: string): ParsedCertificates {
  return { ok: false, problem };
}
