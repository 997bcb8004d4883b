/**
 * Writes a bundle that cosign would not make, for `make`: with whatever certificates, envelope and timestamps are asked.
 *
 * node bundle.ts --statement FILE --key FILE [--key FILE]     one DSSE signature for each key (P-256)
 *   --certificate FILE | --chain FILE [--chain FILE]          as `certificate`, or as `x509CertificateChain`
 *   [--tsa CONFIG ...] [--timestamp-of BUNDLE]                timestamps of openssl, or those of another bundle
 *   [--payload-type TYPE]
 */
import { execFileSync } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const text = { type: "string" } as const;
const list = { type: "string", multiple: true } as const;
const { values } = parseArgs({
  options: {
    statement: text,
    key: list,
    certificate: text,
    chain: list,
    tsa: list,
    "timestamp-of": text,
    "payload-type": text,
  },
});

const payload = readFileSync(values.statement ?? "");
const payloadType = values["payload-type"] ?? "application/vnd.in-toto+json";

/** https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md */
const signed = Buffer.concat([
  Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `),
  payload,
]);

function rawBytes(file: string): { readonly rawBytes: string } {
  // By our own decoding and not by X509Certificate: some of these certificates are not to be parsed by anybody.
  const pem = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(readFileSync(file, "utf8"));
  if (pem?.[1] === undefined) throw new Error(`${file} has no certificate`);
  return { rawBytes: pem[1].replaceAll(/\s/g, "") };
}

function timestamp(config: string, signature: Buffer): { readonly signedTimestamp: string } {
  const directory = mkdtempSync(join(tmpdir(), "timestamp-"));
  try {
    const [data, query, reply] = [join(directory, "data"), join(directory, "query"), join(directory, "reply")];
    writeFileSync(data, signature);
    const openssl = (...args: string[]) => execFileSync("openssl", ["ts", ...args], { stdio: "ignore" });
    // With the certificate in the token, as the timestamp authorities of many CAs answer; cosign asks for none.
    openssl("-query", "-data", data, "-sha256", "-cert", "-out", query);
    openssl("-reply", "-config", config, "-queryfile", query, "-out", reply);
    return { signedTimestamp: readFileSync(reply).toString("base64") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Timestamps {
  readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[];
}

function timestamps(signature: Buffer): Timestamps | undefined {
  const other = values["timestamp-of"];
  if (other !== undefined) {
    const bundle = JSON.parse(readFileSync(other, "utf8")) as {
      verificationMaterial: { timestampVerificationData: Timestamps };
    };
    return bundle.verificationMaterial.timestampVerificationData;
  }
  const rfc3161Timestamps = (values.tsa ?? []).map((config) => timestamp(config, signature));
  return rfc3161Timestamps.length === 0 ? undefined : { rfc3161Timestamps };
}

const signatures = (values.key ?? []).map((file) => sign("sha256", signed, createPrivateKey(readFileSync(file))));
const [first] = signatures;
if (first === undefined) throw new Error("--key is missing");
const timestampVerificationData = timestamps(first);

process.stdout.write(
  JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      ...(values.certificate === undefined
        ? { x509CertificateChain: { certificates: (values.chain ?? []).map(rawBytes) } }
        : { certificate: rawBytes(values.certificate) }),
      ...(timestampVerificationData === undefined ? {} : { timestampVerificationData }),
    },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: signatures.map((signature) => ({ sig: signature.toString("base64") })),
    },
  }),
);
