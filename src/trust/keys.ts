import { createHash, createPublicKey, type KeyObject } from "node:crypto";

/** A key that may vouch. Two texts of the same key are one key: it is known by its fingerprint. */
export interface PublicKey {
  /** In the one form that node:crypto writes, whatever was given. */
  readonly pem: string;
  /** sha256 of the DER SubjectPublicKeyInfo, as "sha256:" and hexadecimal digits. */
  readonly fingerprint: string;
  readonly key: KeyObject;
}

export type ParsedKey =
  { readonly ok: true; readonly key: PublicKey } | { readonly ok: false; readonly problem: string };

const maxLength = 16 * 1024;
const supported =
  "use an EC key on P-256, as cosign generate-key-pair makes it, or an RSA key of 2048, 3072 or 4096 bits";
const rsaSizes: readonly (number | undefined)[] = [2048, 3072, 4096];

/** Parses one public key in PEM. No part of what was given is ever repeated: it may be a private key, put there by mistake. */
export function parsePublicKey(text: string): ParsedKey {
  if (text.length > maxLength) return bad(`it is longer than ${maxLength} characters, which no public key is`);
  if (text.includes("PRIVATE KEY")) {
    return bad(
      "it holds a PRIVATE key: replace it by the public key (cosign.pub), and make a new key pair, since this one has been exposed",
    );
  }
  if (text.includes("BEGIN CERTIFICATE"))
    return bad("it is a certificate; extract its public key: openssl x509 -pubkey -noout -in cert.pem");
  if (!/^\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/.test(text)) {
    return bad("it must be exactly one PEM block that starts with -----BEGIN PUBLIC KEY-----, as in cosign.pub");
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: text, format: "pem", type: "spki" });
  } catch {
    return bad("its PEM block is damaged; copy cosign.pub again, line by line as it is");
  }
  const problem = weakness(key);
  if (problem !== undefined) return bad(problem);
  const der = key.export({ type: "spki", format: "der" });
  return {
    ok: true,
    key: {
      pem: key.export({ type: "spki", format: "pem" }).toString(),
      fingerprint: `sha256:${createHash("sha256").update(der).digest("hex")}`,
      key,
    },
  };
}

/** What cosign 3.1 signs with but does not verify (sigstore/cosign#5091, #5063, #5074): nothing could ever satisfy it. */
function weakness(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType as string) {
    case "ec":
      return details?.namedCurve === "prime256v1"
        ? undefined
        : `cosign 3.1 cannot verify signatures by a key on ${String(details?.namedCurve)}; ${supported}`;
    case "rsa":
      return rsaSizes.includes(details?.modulusLength)
        ? undefined
        : `it is an RSA key of ${String(details?.modulusLength)} bits; ${supported}`;
    case "ed25519":
      return `cosign 3.1 cannot verify signatures by an Ed25519 key; ${supported}`;
    default:
      return `its type is not supported; ${supported}`;
  }
}

function bad(problem: string): ParsedKey {
  return { ok: false, problem: `not a usable public key: ${problem}` };
}
