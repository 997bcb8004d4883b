import { z } from "zod";
import { ObjectName, ShortName, matching, shown, withRules } from "./schema.ts";

function secretRef(defaultKey: string, what: string) {
  const key = matching(
    z.string().min(1).max(253),
    /^[-._a-zA-Z0-9]+$/,
    `write a key of the Secret's data, for example ${defaultKey}`,
  );
  return z
    .strictObject({ name: shown(ObjectName, "name: release-key"), key: key.default(defaultKey) })
    .describe(`A Secret in the operator's own namespace that holds ${what}.`)
    .optional();
}

/** Public material: written into the policy, or kept in a Secret of the operator's own namespace. */
function source(defaultKey: string, what: string, head: string, maxLength: number) {
  return withRules(
    z.strictObject({
      inline: z.string().max(maxLength).describe(`${what}.`).optional(),
      secretRef: secretRef(defaultKey, "it"),
    }),
    {
      rule: "has(self.inline) != has(self.secretRef)",
      message: `give exactly one of inline (${what}) or secretRef, for example secretRef: {name: release-key, key: ${defaultKey}}`,
    },
    {
      rule: `!has(self.inline) || self.inline.contains('${head}')`,
      message: `inline must be ${what} and contain ${head}; never put a private key here`,
    },
  );
}

const CertificatesSource = source("ca.crt", "certificates in PEM", "-----BEGIN CERTIFICATE-----", 64 * 1024);
const RevocationListSource = source("ca.crl", "a revocation list in PEM", "-----BEGIN X509 CRL-----", 256 * 1024);
const TrustedRootSource = source(
  "trusted_root.json",
  "a trusted root in JSON, as `cosign trusted-root create` writes it",
  "certificateAuthorities",
  64 * 1024,
);

const kmsPattern = /^(awskms|gcpkms|azurekms|hashivault|[a-z][a-z0-9]{0,31}):\/\/[A-Za-z0-9._~:/@%+=-]+$/;

const KeySource = withRules(
  z.strictObject({
    inline: z
      .string()
      .max(4096)
      .describe("A public key in PEM, as `cosign generate-key-pair` writes it to cosign.pub.")
      .optional(),
    secretRef: secretRef("cosign.pub", "the public key"),
    kms: matching(
      z.string().min(1).max(512),
      kmsPattern,
      "write the URI of a key as cosign takes it, for example hashivault://release or awskms:///alias/release",
    )
      .describe(
        "The URI of a key in a key management service, as cosign takes it. The operator reads its public half, with its own rights.",
      )
      .optional(),
  }),
  {
    rule: "[has(self.inline), has(self.secretRef), has(self.kms)].exists_one(given, given)",
    message:
      "give exactly one of inline (a PEM public key), secretRef or kms, for example secretRef: {name: release-key, key: cosign.pub}",
  },
  {
    rule: "!has(self.inline) || self.inline.contains('-----BEGIN PUBLIC KEY-----')",
    message:
      "inline must be a PEM public key that starts with -----BEGIN PUBLIC KEY-----; never put a private key here",
  },
);

const Exact = z.string().min(1).max(512);
const RegularExpression = z
  .string()
  .min(1)
  .max(512)
  .describe("A regular expression (RE2) that the whole text must match: it is anchored at both ends.");

const subjectRule = {
  rule: "has(self.subject) != has(self.subjectRegExp)",
  message:
    "give exactly one of subject or subjectRegExp, for example subject: release@example.com; a regular expression must match the whole text",
};

/** Who a certificate speaks for. The names are those of cosign, Flux and policy-controller. */
const Subject = withRules(
  z.strictObject({
    subject: Exact.describe(
      "The certificate's one subject alternative name: an e-mail address, a URI or a DNS name.",
    ).optional(),
    subjectRegExp: RegularExpression.optional(),
  }),
  subjectRule,
);

const Identity = withRules(
  z.strictObject({
    issuer: Exact.describe(
      "The OIDC issuer that vouched for the signer, such as https://token.actions.githubusercontent.com.",
    ).optional(),
    issuerRegExp: RegularExpression.optional(),
    subject: Exact.describe("The certificate's one subject alternative name: an e-mail address or a URI.").optional(),
    subjectRegExp: RegularExpression.optional(),
  }),
  {
    rule: "has(self.issuer) != has(self.issuerRegExp)",
    message:
      "give exactly one of issuer or issuerRegExp, for example issuer: https://token.actions.githubusercontent.com",
  },
  subjectRule,
);

/** Who is never believed: also without an issuer, for certificates of an authority of one's own. */
export const DeniedSigner = withRules(
  z.strictObject({
    issuer: Exact.optional(),
    issuerRegExp: RegularExpression.optional(),
    subject: Exact.optional(),
    subjectRegExp: RegularExpression.optional(),
  }),
  {
    rule: "!(has(self.issuer) && has(self.issuerRegExp))",
    message: "give issuer or issuerRegExp, not both",
  },
  subjectRule,
);
export type DeniedSigner = z.output<typeof DeniedSigner>;

const CertificateSource = z.strictObject({
  ca: shown(
    CertificatesSource.describe(
      "The root and every issuing certificate authority below it. No other issuer is believed.",
    ),
    "ca: {secretRef: {name: release-ca, key: ca.crt}}",
  ),
  revocationList: RevocationListSource.describe(
    "Revoked certificates. A list whose next update is overdue says nothing: the verdict is then Indeterminate.",
  ).optional(),
  subjects: shown(
    z.array(Subject).min(1).max(16).describe("Whose certificates count."),
    "subjects: [{subject: release@example.com}]",
  ),
});

const KeylessSource = z.strictObject({
  trustedRoot: shown(
    TrustedRootSource.describe(
      "The certificate authorities, logs and timestamp authorities of a Sigstore. All that it lists is demanded; nothing is fetched.",
    ),
    "trustedRoot: {secretRef: {name: sigstore, key: trusted_root.json}}",
  ),
  identities: shown(
    z.array(Identity).min(1).max(16).describe("Whose certificates count."),
    "identities: [{issuer: https://issuer.example.com, subject: release@example.com}]",
  ),
});

export const Authority = withRules(
  z.strictObject({
    name: ShortName.describe("What people call this signer; it appears in verdicts."),
    key: KeySource.describe("A key.").optional(),
    certificate: CertificateSource.describe(
      "A certificate authority of one's own. The time of signing must be proven by one of spec.timestampAuthorities.",
    ).optional(),
    keyless: KeylessSource.describe("A Sigstore: short-lived certificates that name an OIDC identity.").optional(),
  }),
  {
    rule: "[has(self.key), has(self.certificate), has(self.keyless)].exists_one(given, given)",
    message: "give exactly one of key, certificate or keyless, for example key: {secretRef: {name: release-key}}",
  },
);
export type Authority = z.output<typeof Authority>;

export const TimestampAuthority = z.strictObject({
  name: ShortName,
  certificateChain: shown(
    CertificatesSource.describe("The certificate that signs timestamps, and those above it up to the root."),
    "certificateChain: {secretRef: {name: timestamps, key: ca.crt}}",
  ),
});
export type TimestampAuthority = z.output<typeof TimestampAuthority>;
