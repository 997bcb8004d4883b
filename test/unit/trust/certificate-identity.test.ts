import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { X509Certificate } from "@sigstore/core";
import { identityOf } from "../../../src/trust/certificate-identity.ts";
import { pem } from "./support/vectors.ts";

const [older, newer] = ["https://old.example", "https://new.example"];

describe("whom a certificate names", () => {
  const cases: readonly (readonly [vector: string, issuer: string | undefined])[] = [
    ["none", undefined],
    ["v1", older],
    ["v2", newer],
    ["both", newer],
    ["v2-empty", undefined],
    ["v2-newline", undefined],
  ];
  for (const [vector, issuer] of cases) {
    it(`with the issuer ${issuer ?? "unknown"}: ${vector}`, () => {
      const file = readFileSync(new URL(`../../vectors/issuers/${vector}.pem`, import.meta.url), "utf8");
      assert.deepEqual(identityOf(X509Certificate.parse(file)), { subject: "release@bank.example", issuer });
    });
  }

  it("is nobody without an alternative name", () => {
    assert.deepEqual(identityOf(X509Certificate.parse(pem("issuing"))), { subject: undefined, issuer: undefined });
  });
});
