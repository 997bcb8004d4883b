import { execa } from "execa";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Files of a private key and of its certificate. */
export interface Certificate {
  readonly key: string;
  readonly certificate: string;
}

export interface CertificateOptions {
  readonly directory: string;
  /** Also the name of the files. */
  readonly name: string;
  /** None: it signs itself. */
  readonly issuer?: Certificate;
  /** Lines of an OpenSSL extension section. */
  readonly extensions: readonly string[];
}

/** Issues a certificate for 20 years, since vectors are made with it, with a key on P-256. Node can read certificates, and not make them. */
export async function issue({ directory, name, issuer, extensions }: CertificateOptions): Promise<Certificate> {
  const [key, certificate, request] = [
    join(directory, `${name}.key`),
    join(directory, `${name}.pem`),
    join(directory, `${name}.csr`),
  ];
  const extensionFile = join(directory, `${name}.ext`);
  await writeFile(extensionFile, [...extensions, "subjectKeyIdentifier = hash"].join("\n"));
  const openssl = (...args: string[]) => execa("openssl", args, { cwd: directory });
  await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key);
  await openssl("req", "-new", "-key", key, "-subj", `/O=Sigstore for tests/CN=${name}`, "-out", request);
  const by = issuer === undefined ? ["-signkey", key] : ["-CA", issuer.certificate, "-CAkey", issuer.key];
  const serial = ["-set_serial", String(Date.now())];
  await openssl(
    "x509",
    "-req",
    "-in",
    request,
    ...by,
    ...serial,
    "-days",
    "7300",
    "-extfile",
    extensionFile,
    "-out",
    certificate,
  );
  return { key, certificate };
}

export const authority = ["basicConstraints = critical,CA:TRUE", "keyUsage = critical,keyCertSign,cRLSign"];
