import { ASN1Obj } from "@sigstore/core";
import { createHash, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** Makes of a certificate one that nobody takes for valid, until the log has signed it. */
const poison = "1.3.6.1.4.1.11129.2.4.3";

/**
 * What Fulcio needs of a certificate transparency log, https://datatracker.ietf.org/doc/html/rfc6962: it promises for
 * every certificate to log it, and logs none.
 */
export class CertificateLog {
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((incoming, response) => {
      void (json(incoming) as Promise<{ readonly chain: readonly string[] }>).then(
        ({ chain }) => response.end(JSON.stringify(this.#promise(chain))),
        () => response.writeHead(400).end(),
      );
    });
  }

  static async start(): Promise<CertificateLog> {
    const log = new CertificateLog();
    log.#server.listen(0, "127.0.0.1");
    await once(log.#server, "listening");
    return log;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get publicKeyPem(): string {
    return this.#keys.publicKey.export({ type: "spki", format: "pem" }).toString();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  /** What `add-pre-chain` answers: a signed certificate timestamp. */
  #promise(chain: readonly string[]): object {
    const [certificate = "", issuer = ""] = chain;
    const issuerKey = new X509Certificate(Buffer.from(issuer, "base64")).publicKey;
    const timestamp = Date.now();
    const content = withoutPoison(Buffer.from(certificate, "base64"));
    const signed = Buffer.concat([
      Buffer.from([0, 0]), // version 1, certificate_timestamp
      number(timestamp, 8),
      number(1, 2), // precert_entry
      hash(issuerKey.export({ type: "spki", format: "der" })),
      number(content.length, 3),
      content,
      number(0, 2), // no extensions
    ]);
    const signature = sign("sha256", signed, this.#keys.privateKey);
    const id = hash(this.#keys.publicKey.export({ type: "spki", format: "der" }));
    const sha256WithEcdsa = Buffer.from([4, 3]);
    return {
      sct_version: 0,
      id: id.toString("base64"),
      timestamp,
      extensions: "",
      signature: Buffer.concat([sha256WithEcdsa, number(signature.length, 2), signature]).toString("base64"),
    };
  }
}

/** The part of a certificate that its issuer signs, as it will be in the end. */
function withoutPoison(certificate: Buffer): Buffer {
  const content = ASN1Obj.parseBuffer(Buffer.from(certificate)).subs[0];
  const extensions = content?.subs.find((field) => field.tag.isContextSpecific(3))?.subs[0];
  const at = extensions?.subs.findIndex((extension) => extension.subs[0]?.toOID() === poison) ?? -1;
  if (content === undefined || at < 0) throw new Error("that is no precertificate");
  extensions?.subs.splice(at, 1);
  return content.toDER();
}

function hash(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** Big-endian. */
function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
}
