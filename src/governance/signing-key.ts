import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { type PublicKey, parsePublicKey } from "../trust/index.ts";

export type ParsedSigningKey =
  { readonly ok: true; readonly key: SigningKey } | { readonly ok: false; readonly problem: string };

/** Signs evidence: an ECDSA key on P-256. The private half is in no message and has no way out but `privatePem`. */
export class SigningKey {
  readonly public: PublicKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject, publicKey: PublicKey) {
    this.#key = key;
    this.public = publicKey;
  }

  static generate(): SigningKey {
    const made = SigningKey.#of(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    if (!made.ok) throw new Error(made.problem);
    return made.key;
  }

  /** One private key in PEM. The problem repeats nothing of the text. */
  static parse(pem: string): ParsedSigningKey {
    try {
      return SigningKey.#of(createPrivateKey(pem));
    } catch {
      const hint = "make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
      return { ok: false, problem: `it is not a private key in PEM without a password; ${hint}` };
    }
  }

  static #of(key: KeyObject): ParsedSigningKey {
    if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
      return { ok: false, problem: "it is not an EC key on P-256, the only kind that evidence is signed with" };
    const parsed = parsePublicKey(createPublicKey(key).export({ type: "spki", format: "pem" }).toString());
    return parsed.ok ? { ok: true, key: new SigningKey(key, parsed.key) } : parsed;
  }

  /** PKCS #8, for the Secret it is kept in. */
  privatePem(): string {
    return this.#key.export({ type: "pkcs8", format: "pem" }).toString();
  }

  sign(bytes: Buffer): Buffer {
    return sign("sha256", bytes, this.#key);
  }
}
