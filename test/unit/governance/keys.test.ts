import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  EVIDENCE_CONFIG_MAP,
  EVIDENCE_KEY_SECRET,
  EvidenceKeys,
  SigningKey,
  publishedKeys,
} from "../../../src/governance/index.ts";
import { KubeError, type KubeObject } from "../../../src/kube/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { nobody } from "./support/build.ts";

const namespace = "mlsecops-system";

interface WithData extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

function cluster(secret?: Readonly<Record<string, string>>): FakeClient {
  const client = new FakeClient();
  const data = secret === undefined ? {} : { data: encoded(secret) };
  client.add("secrets", { metadata: { name: EVIDENCE_KEY_SECRET, namespace }, ...data });
  client.add("configmaps", { metadata: { name: EVIDENCE_CONFIG_MAP, namespace } });
  return client;
}

function encoded(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]));
}

function dataOf(client: FakeClient, what: string): Readonly<Record<string, string>> {
  return (client.objects.get(what) as WithData | undefined)?.data ?? {};
}

const secretPath = `secrets/${namespace}/${EVIDENCE_KEY_SECRET}`;
const configMapPath = `configmaps/${namespace}/${EVIDENCE_CONFIG_MAP}`;

describe("the key of the evidence", () => {
  it("is made once, kept in the Secret, and its public half published", async () => {
    const client = cluster();
    const first = await new EvidenceKeys({ client, namespace }).load(nobody);
    const { length } = client.writes;
    const second = await new EvidenceKeys({ client, namespace }).load(nobody);
    assert.equal(second.current.public.fingerprint, first.current.public.fingerprint);
    assert.equal(client.writes.length, length, "nothing is written when nothing changed");
    const published = dataOf(client, configMapPath);
    assert.equal(published["evidence.pub"], first.current.public.pem);
    assert.deepEqual(
      publishedKeys(published).map(({ fingerprint }) => fingerprint),
      [first.current.public.fingerprint],
    );
    assert.doesNotMatch(JSON.stringify(published), /PRIVATE/);
  });

  it("is the one that another replica was faster to make", async () => {
    const client = cluster();
    const theirs = SigningKey.generate();
    client.onWrite = (when, line) => {
      if (when !== "before" || !line.includes(EVIDENCE_KEY_SECRET)) return;
      client.onWrite = () => undefined;
      const data = encoded({ "evidence.key": theirs.privatePem() });
      client.add("secrets", { metadata: { name: EVIDENCE_KEY_SECRET, namespace }, data } as KubeObject);
      throw new KubeError("Conflict", "it changed");
    };
    const { current } = await new EvidenceKeys({ client, namespace }).load(nobody);
    assert.equal(current.public.fingerprint, theirs.public.fingerprint);
  });

  it("is the administrator's, with the one before it, and both stay published", async () => {
    const [old, next] = [SigningKey.generate(), SigningKey.generate()];
    const client = cluster({ "evidence.key": old.privatePem() });
    await new EvidenceKeys({ client, namespace }).load(nobody);
    const data = encoded({ "evidence.key": next.privatePem(), "previous.key": old.privatePem() });
    client.add("secrets", { metadata: { name: EVIDENCE_KEY_SECRET, namespace }, data } as KubeObject);
    const keys = await new EvidenceKeys({ client, namespace }).load(nobody);
    assert.equal(keys.previous?.public.fingerprint, old.public.fingerprint);
    assert.equal(publishedKeys(dataOf(client, configMapPath)).length, 2);
    assert.equal(dataOf(client, secretPath)["evidence.key"], data["evidence.key"], "a key is never replaced");
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ type: "pkcs8", format: "pem" });
  const table: readonly (readonly [string, string, RegExp])[] = [
    ["no key", "s3cret-of-somebody", /evidence\.key in Secret mlsecops-evidence-key: .*not a private key in PEM/],
    ["of RSA", rsa.toString(), /not an EC key on P-256/],
    ["on another curve", p384.toString(), /not an EC key on P-256/],
  ];
  for (const [what, text, message] of table)
    it(`is refused when it is ${what}, without repeating it`, async () => {
      const client = cluster({ "evidence.key": text });
      await assert.rejects(new EvidenceKeys({ client, namespace }).load(nobody), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(!JSON.stringify([error.message, error.stack, error.cause]).includes(text.slice(30, 60) || text));
        return true;
      });
      assert.deepEqual(client.writes, []);
    });

  it("is missed with advice when the chart did not make its objects", async () => {
    const client = new FakeClient();
    await assert.rejects(
      new EvidenceKeys({ client, namespace }).load(nobody),
      /no Secret mlsecops-evidence-key in namespace mlsecops-system: install the chart again/,
    );
  });

  it("is published only as a key", () => {
    const { pem, fingerprint } = SigningKey.generate().public;
    const name = `${fingerprint.slice(7)}.pub`;
    assert.equal(publishedKeys({ [name]: pem, "evidence.pub": pem, "notes.txt": "hello" }).length, 1);
    assert.equal(publishedKeys({ [name]: "no key" }).length, 0);
  });
});
