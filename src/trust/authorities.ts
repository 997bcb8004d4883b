import type { ClusterTrustPolicy } from "../api/cluster-trust-policy.ts";
import { compileIdentity, type IdentityPattern } from "./identity.ts";
import { parsePublicKey, type PublicKey } from "./keys.ts";
import { readRevocationLists, type RevocationList } from "./revocation-list.ts";
import { ownTrustRoot, readTrustedRoot, type Parsed, type TimestampRoot, type TrustRoot } from "./trust-root.ts";

/** Somebody who may vouch, with what it takes to verify them. Exactly one of key, root and problem is there. */
export type ResolvedAuthority =
  | { readonly name: string; readonly key: PublicKey; readonly root?: undefined; readonly problem?: undefined }
  | {
      readonly name: string;
      readonly root: TrustRoot;
      readonly identities: readonly IdentityPattern[];
      readonly revocations?: RevocationList | undefined;
      readonly key?: undefined;
      readonly problem?: undefined;
    }
  | {
      readonly name: string;
      readonly problem: string;
      /** Time alone may mend it: until then it is unknown whether this authority vouches. */
      readonly isTransient?: boolean | undefined;
      readonly key?: undefined;
      readonly root?: undefined;
    };

/** The base64 `data` of a Secret in the operator's own namespace; undefined when there is no such Secret. */
export type SecretLookup = (name: string) => Readonly<Record<string, string>> | undefined;

/** The public half of a key in a key management service, as it was last read. */
export type KmsLookup = (uri: string) => ParsedKmsKey;
export type ParsedKmsKey =
  | { readonly state: "Known"; readonly pem: string }
  /** Not asked yet, or no answer. */
  | { readonly state: "Unknown"; readonly problem: string };

export interface PolicySources {
  readonly secret: SecretLookup;
  readonly kmsKey: KmsLookup;
}

type Spec = ClusterTrustPolicy["spec"];
type Authority = Spec["authorities"][number];

export function resolveAuthority(
  authority: Authority,
  timestamps: TimestampRoot | undefined,
  sources: PolicySources,
): ResolvedAuthority {
  const { name, key, certificate, keyless } = authority;
  if (key !== undefined) return resolveKey(name, key, sources);
  if (certificate !== undefined) return resolveCertificate(name, certificate, timestamps, sources.secret);
  if (keyless !== undefined) return resolveKeyless(name, keyless, sources.secret);
  return { name, problem: "it is neither a key, nor certificate, nor keyless; give one of them" };
}

/** Which Secrets of the operator's namespace a policy takes something from: whoever changes one changes the policy. */
export function secretsOf({ spec }: ClusterTrustPolicy): readonly string[] {
  const sources = [
    ...spec.authorities.flatMap(({ key, certificate, keyless }) => [
      key,
      certificate?.ca,
      certificate?.revocationList,
      keyless?.trustedRoot,
    ]),
    ...spec.timestampAuthorities.map(({ certificateChain }) => certificateChain),
  ];
  return [...new Set(sources.flatMap((source) => source?.secretRef?.name ?? []))];
}

/** Which keys of key management services a policy names. */
export function kmsKeysOf({ spec }: ClusterTrustPolicy): readonly string[] {
  return [...new Set(spec.authorities.flatMap(({ key }) => key?.kms ?? []))];
}

interface TextSource {
  readonly inline?: string | undefined;
  readonly secretRef?: { readonly name: string; readonly key: string } | undefined;
}

/** Public material, wherever the policy keeps it. */
export function textOf(source: TextSource, secret: SecretLookup): string | { readonly problem: string } {
  const { inline, secretRef } = source;
  if (inline !== undefined) return inline;
  if (secretRef === undefined) return { problem: "it names neither inline content nor a Secret; give one of them" };
  const data = secret(secretRef.name);
  if (data === undefined) {
    return {
      problem: `there is no Secret ${secretRef.name} in the operator's namespace; create it with ${secretRef.key}`,
    };
  }
  const value = Object.hasOwn(data, secretRef.key) ? data[secretRef.key] : undefined;
  if (value === undefined) return { problem: `Secret ${secretRef.name} has no key ${secretRef.key}; put it there` };
  return Buffer.from(value, "base64").toString("utf8");
}

function resolveKey(name: string, source: NonNullable<Authority["key"]>, sources: PolicySources): ResolvedAuthority {
  if (source.kms !== undefined) {
    const known = sources.kmsKey(source.kms);
    if (known.state === "Unknown") return { name, problem: known.problem, isTransient: true };
    return toKey(name, known.pem);
  }
  const text = textOf(source, sources.secret);
  return typeof text === "string" ? toKey(name, text) : { name, problem: text.problem };
}

function toKey(name: string, text: string): ResolvedAuthority {
  const parsed = parsePublicKey(text);
  return parsed.ok ? { name, key: parsed.key } : { name, problem: parsed.problem };
}

function resolveCertificate(
  name: string,
  source: NonNullable<Authority["certificate"]>,
  timestamps: TimestampRoot | undefined,
  secret: SecretLookup,
): ResolvedAuthority {
  const ca = textOf(source.ca, secret);
  if (typeof ca !== "string") return { name, problem: `ca: ${ca.problem}` };
  const root = ownTrustRoot(ca, timestamps);
  if (!root.ok) return { name, problem: `ca: ${root.problem}` };
  const resolved = withIdentities(name, root, source.subjects);
  if (resolved.problem !== undefined || source.revocationList === undefined) return resolved;
  const text = textOf(source.revocationList, secret);
  // Without its list nobody knows who is revoked: that passes neither for "nobody" nor for "everybody".
  if (typeof text !== "string") return { name, problem: `revocationList: ${text.problem}`, isTransient: true };
  const list = readRevocationLists(text, root.value.authorities);
  if (!list.ok) return { name, problem: `revocationList: ${list.problem}`, isTransient: true };
  return { ...resolved, revocations: list.value };
}

function resolveKeyless(
  name: string,
  source: NonNullable<Authority["keyless"]>,
  secret: SecretLookup,
): ResolvedAuthority {
  const text = textOf(source.trustedRoot, secret);
  if (typeof text !== "string") return { name, problem: `trustedRoot: ${text.problem}` };
  const root = readTrustedRoot(text);
  return root.ok ? withIdentities(name, root, source.identities) : { name, problem: `trustedRoot: ${root.problem}` };
}

type CertificateAuthority = Extract<ResolvedAuthority, { readonly root: TrustRoot }>;

function withIdentities(
  name: string,
  root: Extract<Parsed<TrustRoot>, { ok: true }>,
  sources: readonly Parameters<typeof compileIdentity>[0][],
): CertificateAuthority | Extract<ResolvedAuthority, { readonly problem: string }> {
  const identities: IdentityPattern[] = [];
  for (const source of sources) {
    const compiled = compileIdentity(source);
    if (!compiled.ok) return { name, problem: compiled.problem };
    identities.push(compiled.pattern);
  }
  return { name, root: root.value, identities };
}
