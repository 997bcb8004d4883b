import { readFileSync } from "node:fs";

/** What test/vectors/certificates/README.md describes. */
export interface CertificateVector {
  readonly name: string;
  readonly bundle: string;
  readonly digest: string;
  readonly predicateType: string;
  readonly identity: { readonly type: string; readonly value: string };
  readonly expected: "valid" | "invalid" | "undecided";
  readonly why: string;
  readonly cosign: { readonly outcome: "valid" | "invalid" };
}

export interface RevocationVector {
  readonly name: string;
  readonly crl: string;
  readonly issuer: string;
  readonly bundle: string;
  readonly expected: "valid" | "invalid" | "undecided" | "indeterminate";
  readonly why: string;
}

function read(file: string): Buffer {
  return readFileSync(new URL(`../../../vectors/certificates/${file}`, import.meta.url));
}

export const certificateVectors = JSON.parse(read("index.json").toString()) as readonly CertificateVector[];
export const revocationVectors = JSON.parse(read("crls.json").toString()) as readonly RevocationVector[];

export function vectorBundle(file: string): Buffer {
  return read(file);
}

export function pem(name: string): string {
  return read(`pem/${name}.pem`).toString();
}

export function crl(file: string): string {
  return read(file).toString();
}

/** What test/vectors/keyless/README.md describes. */
export interface KeylessVector {
  readonly name: string;
  readonly bundle: string;
  readonly digest: string;
  readonly predicateType: string;
  readonly identity: { readonly issuer: string; readonly subject: string };
  readonly trustedRoot: string;
  readonly logged: boolean;
  readonly expected: "valid" | "invalid";
  readonly why: string;
}

export function keylessFile(file: string): Buffer {
  return readFileSync(new URL(`../../../vectors/keyless/${file}`, import.meta.url));
}

export const keylessVectors = JSON.parse(keylessFile("index.json").toString()) as readonly KeylessVector[];
