import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A fresh self-signed certificate for a DNS name, valid for a day. Made by openssl, so that no key is ever committed. */
export function createCertificate(dnsName: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "kube-certificate-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    args.push("-subj", `/CN=${dnsName}`, "-addext", `subjectAltName=DNS:${dnsName}`, "-keyout", key, "-out", cert);
    execFileSync("openssl", args, { stdio: "pipe" });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
