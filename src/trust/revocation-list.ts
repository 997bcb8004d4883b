import { createHash, verify, type X509Certificate } from "node:crypto";
import { ASN1Obj, X509Certificate as ParsedCertificate } from "@sigstore/core";
import { pemBlocks } from "./certificates.ts";
import type { Parsed } from "./trust-root.ts";

/** Certificates that are revoked (RFC 5280, section 5), whatever the reason and the date: none of them vouches any more. */
export interface RevocationList {
  readonly fingerprint: string;
  /** Keys: hash of the issuer's name. Values: serial numbers, in hexadecimal digits. */
  readonly issuers: ReadonlyMap<string, ReadonlySet<string>>;
  /** Keys: hash of the issuer's name and key, since two may have one name. Values: when its lists say something. */
  readonly inForce: ReadonlyMap<string, readonly Period[]>;
  /** From then on it says nothing of some: a newer list must have been published. */
  readonly nextUpdate: Date;
}

interface Period {
  readonly from: Date;
  readonly until: Date;
}

/** One certificate, as a revocation list names it. */
export interface SerialNumber {
  /** Hash of the issuer's name. */
  readonly issuer: string;
  /** Hash of the issuer's name and key. */
  readonly issuerKey: string;
  readonly serial: string;
}

export type Revocation = "Revoked" | "NotRevoked" | "Unknown";

/**
 * Whether one of the certificates, from the one that signed upwards, is revoked. A list by somebody of the issuer's name
 * is enough for that. Unknown: the lists of an issuer are overdue or not yet in force, or there is none by the key that
 * issued the first.
 */
export function revocationOf(path: readonly SerialNumber[], list: RevocationList, now: Date): Revocation {
  if (path.some(({ issuer, serial }) => list.issuers.get(issuer)?.has(serial) === true)) return "Revoked";
  const [leaf] = path;
  const current = [...list.inForce.values()].every((periods) =>
    periods.some(({ from, until }) => from <= now && now < until),
  );
  return leaf !== undefined && list.inForce.has(leaf.issuerKey) && current ? "NotRevoked" : "Unknown";
}

/** Reads one or more lists in PEM, each signed by one of the authorities. */
export function readRevocationLists(text: string, authorities: readonly X509Certificate[]): Parsed<RevocationList> {
  const blocks = pemBlocks(text, "X509 CRL");
  if (blocks === undefined)
    return bad("it must be PEM blocks that start with -----BEGIN X509 CRL-----, and nothing else");
  const issuers = new Map<string, Set<string>>();
  const inForce = new Map<string, Period[]>();
  for (const der of blocks) {
    const list = readOne(der, authorities);
    if (!list.ok) return list;
    const known = issuers.get(list.value.issuer) ?? new Set();
    for (const serial of list.value.serials) known.add(serial);
    issuers.set(list.value.issuer, known);
    // Its successor may stand beside a list before the time.
    inForce.set(list.value.issuerKey, [...(inForce.get(list.value.issuerKey) ?? []), list.value.period]);
  }
  const hash = createHash("sha256");
  for (const der of blocks) hash.update(createHash("sha256").update(der).digest());
  return {
    ok: true,
    value: {
      fingerprint: `sha256:${hash.digest("hex")}`,
      issuers,
      inForce,
      nextUpdate: new Date(
        Math.min(...[...inForce.values()].map((periods) => Math.max(...periods.map(({ until }) => until.getTime())))),
      ),
    },
  };
}

/** How a certificate is named in the list of its issuer. */
export function serialNumberOf(certificate: X509Certificate, issuer: X509Certificate): SerialNumber {
  const parsed = ParsedCertificate.parse(Buffer.from(certificate.raw));
  return { issuer: nameHash(parsed.issuer), issuerKey: issuerKey(issuer), serial: hex(parsed.serialNumber) };
}

interface OneList {
  readonly issuer: string;
  readonly issuerKey: string;
  readonly serials: readonly string[];
  readonly period: Period;
}

function readOne(der: Buffer, authorities: readonly X509Certificate[]): Parsed<OneList> {
  try {
    const list = ASN1Obj.parseBuffer(Buffer.from(der));
    const [content = missing(), algorithm = missing(), signature = missing()] = list.subs;
    const fields = [...content.subs];
    // TBSCertList ::= version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, [0] extensions?
    if (fields[0]?.tag.isInteger() === true) fields.shift();
    const [, issuer = missing(), thisUpdate = missing(), nextUpdate] = fields;
    const namesakes = authorities.filter(({ raw }) =>
      ParsedCertificate.parse(Buffer.from(raw)).subject.equals(issuer.value),
    );
    if (namesakes.length === 0)
      return bad("it is not by one of the authorities in ca; give the list that the issuing authority publishes");
    const digest = digests.get(algorithm.subs[0]?.toOID() ?? "");
    // Of a bit string, the first byte counts unused bits.
    const author = namesakes.find(
      ({ publicKey }) =>
        digest !== undefined && verify(digest, content.toDER(), publicKey, signature.value.subarray(1)),
    );
    if (author === undefined) return bad("its signature is not by the authority that it names; fetch it again");
    if (nextUpdate === undefined || !isTime(nextUpdate))
      return bad("it does not say when the next one comes, so nobody can tell a new one from an old one");
    const entries = fields[4]?.tag.isUniversal() === true ? fields[4].subs : [];
    const extensions = fields.find((field) => field.tag.isContextSpecific(0));
    if ((extensions?.subs[0]?.subs ?? []).some(isCritical))
      return bad("it is limited to a part of the certificates, or lists changes only; give a full list");
    return {
      ok: true,
      value: {
        issuer: nameHash(issuer.value),
        issuerKey: issuerKey(author),
        serials: entries.flatMap(({ subs: [serial] }) => (serial === undefined ? [] : hex(serial.value))),
        period: { from: thisUpdate.toDate(), until: nextUpdate.toDate() },
      },
    };
  } catch {
    return bad("it is damaged; fetch it again");
  }
}

const digests: ReadonlyMap<string, string> = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
]);

function isTime({ tag }: ASN1Obj): boolean {
  return tag.isUTCTime() || tag.isGeneralizedTime();
}

function isCritical({ subs }: ASN1Obj): boolean {
  return subs[1]?.tag.isBoolean() === true && subs[1].toBoolean();
}

function nameHash(name: Buffer): string {
  return createHash("sha256").update(name).digest("hex");
}

function issuerKey({ raw, publicKey }: X509Certificate): string {
  return createHash("sha256")
    .update(nameHash(ParsedCertificate.parse(Buffer.from(raw)).subject))
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function missing(): never {
  throw new Error("a part is missing");
}

/** Without the zero bytes that only say that the number is positive. */
function hex(number: Buffer): string {
  return number.toString("hex").replace(/^(00)+(?=..)/, "");
}

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
