import { sign, X509Certificate } from "node:crypto";
import { X509Certificate as ParsedCertificate } from "@sigstore/core";
import { createCertificate } from "../../kube/certificates.ts";

/** Somebody who signs lists, also such as no program would write. */
export interface ListAuthority {
  readonly certificate: X509Certificate;
  readonly key: string;
}

export function listAuthority(name: string): ListAuthority {
  const { cert, key } = createCertificate(name);
  return { certificate: new X509Certificate(cert), key };
}

export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

export const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
export const time = (text: string): Buffer => der(0x17, Buffer.from(text));

/** An extension of a list; what it is about does not matter here. */
export function extension(isCritical: boolean): Buffer {
  const [id, value] = [der(0x06, Buffer.from("551d14", "hex")), der(0x04, der(0x02, Buffer.from([1])))];
  return sequence(id, ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), value);
}

/** A list in PEM that names one authority and is signed by another or the same. `after`: what comes after thisUpdate. */
export function revocationList(names: ListAuthority, by: ListAuthority, after: readonly Buffer[]): string {
  const algorithm = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));
  const issuer = sequence(ParsedCertificate.parse(Buffer.from(names.certificate.raw)).subject);
  const content = sequence(der(0x02, Buffer.from([1])), algorithm, issuer, time("261101000000Z"), ...after);
  const signature = der(0x03, Buffer.from([0]), sign("sha256", content, by.key));
  return toPem(sequence(content, algorithm, signature));
}

export function toPem(list: Buffer): string {
  return `-----BEGIN X509 CRL-----\n${list.toString("base64")}\n-----END X509 CRL-----\n`;
}
