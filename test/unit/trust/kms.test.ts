import assert from "node:assert/strict";
import { KmsKeys } from "../../../src/trust/index.ts";
import type { PublicKeyRead } from "../../../src/trust/cosign.ts";
import { hour, now } from "./support/build.ts";

const uri = "hashivault://release";
const environment = {
  AWS_REGION: "eu-west-1",
  AZURE_TENANT_ID: "t",
  GOOGLE_APPLICATION_CREDENTIALS: "/login.json",
  GOOGLE_OTHER: "no",
  VAULT_ADDR: "https://vault.example",
  VAULT_TOKEN: "secret",
  BAO_ADDR: "https://bao.example",
  TRANSIT_SECRET_ENGINE_PATH: "transit",
  HOME: "/root",
  PATH: "/bin",
  EMPTY: undefined,
};

describe("keys of key management services", () => {
  let time: number;
  let answers: ((read: PublicKeyRead) => void)[];
  let asked: { uri: string; variables: Readonly<Record<string, string>> }[];
  let changes: string[];
  let keys: KmsKeys;

  beforeEach(() => {
    time = now.getTime();
    answers = [];
    asked = [];
    changes = [];
    keys = create();
  });

  function create(pluginDir?: string): KmsKeys {
    return new KmsKeys({
      read: (of, variables) => {
        asked.push({ uri: of, variables });
        return new Promise((resolve) => answers.push(resolve));
      },
      environment,
      pluginDir,
      now: () => new Date(time),
      onChange: (of) => changes.push(of),
      signal: new AbortController().signal,
    });
  }

  async function answer(read: PublicKeyRead): Promise<void> {
    answers.shift()?.(read);
    await new Promise((resolve) => setImmediate(resolve));
  }

  const problem = (): string => {
    const known = keys.lookup(uri);
    return known.state === "Unknown" ? known.problem : "none";
  };
  const pem = (): string | undefined => {
    const known = keys.lookup(uri);
    return known.state === "Known" ? known.pem : undefined;
  };

  it("are not known at first, are asked for once, and then are", async () => {
    assert.match(problem(), /the key hashivault:\/\/release has not been read: it is being asked for/);
    assert.match(problem(), /being asked for/);
    assert.equal(asked.length, 1);
    await answer({ ok: true, pem: "one" });
    assert.equal(pem(), "one");
    assert.deepEqual(changes, [uri]);
  });

  it("are asked for again after five minutes, and what was known counts meanwhile", async () => {
    pem();
    await answer({ ok: true, pem: "one" });
    time += 299_999;
    assert.equal(pem(), "one");
    assert.equal(asked.length, 1);
    time += 1;
    assert.equal(pem(), "one");
    assert.equal(pem(), "one");
    assert.equal(asked.length, 2);
    await answer({ ok: true, pem: "one" });
    assert.deepEqual(changes, [uri]);
  });

  it("that were rotated replace those before, and somebody is told", async () => {
    pem();
    await answer({ ok: true, pem: "one" });
    time += 300_000;
    pem();
    await answer({ ok: true, pem: "two" });
    assert.equal(pem(), "two");
    assert.deepEqual(changes, [uri, uri]);
  });

  it("count for an hour without an answer, are asked for each half minute, and then are not known", async () => {
    pem();
    await answer({ ok: true, pem: "one" });
    time += 300_000;
    pem();
    await answer({ ok: false, problem: "no answer" });
    assert.deepEqual(changes, [uri, uri]);
    assert.equal(pem(), "one");
    time += 29_999;
    pem();
    assert.equal(asked.length, 2);
    time += 1;
    pem();
    assert.equal(asked.length, 3);
    await answer({ ok: false, problem: "no answer" });
    time = now.getTime() + hour - 1;
    assert.equal(pem(), "one");
    time += 1;
    assert.match(problem(), /has not been read: no answer/);
  });

  it("are told of once while nothing changes", async () => {
    problem();
    await answer({ ok: false, problem: "no answer" });
    assert.deepEqual(changes, [uri]);
    time += 30_000;
    problem();
    await answer({ ok: false, problem: "no answer" });
    assert.deepEqual(changes, [uri]);
  });

  const handed: readonly (readonly [uri: string, names: readonly string[]])[] = [
    ["awskms:///alias/release", ["AWS_REGION"]],
    ["azurekms://vault/key", ["AZURE_TENANT_ID"]],
    ["gcpkms://projects/p", ["GOOGLE_APPLICATION_CREDENTIALS"]],
    ["hashivault://release", ["TRANSIT_SECRET_ENGINE_PATH", "VAULT_ADDR", "VAULT_TOKEN"]],
    ["openbao://release", ["BAO_ADDR", "TRANSIT_SECRET_ENGINE_PATH", "VAULT_ADDR", "VAULT_TOKEN"]],
  ];
  for (const [of, names] of handed) {
    it(`hands on only what ${of} needs: ${names.join(", ")}`, () => {
      keys.lookup(of);
      assert.deepEqual(Object.keys(asked[0]?.variables ?? {}).sort(), names);
    });
  }

  for (const of of [
    "env://KEY",
    "file:///etc/key",
    "https://evil.example/key",
    "http://x",
    "k8s://ns/name",
    "gitlab://p",
    "pkcs11:x",
    "pkcs11://x",
    "/etc/key",
    "",
    "own://key",
    "AWSKMS://x",
  ]) {
    it(`asks nobody for ${of === "" ? "nothing" : of}`, () => {
      const known = keys.lookup(of);
      assert(known.state === "Unknown");
      assert.match(known.problem, /is not by a key management service that is known here; known are awskms/);
      assert.deepEqual(asked, []);
    });
  }

  it("are asked for by plug-ins where there is a folder of them, except what is no service", () => {
    keys = create("/plugins");
    keys.lookup("own://key");
    assert.deepEqual(asked, [{ uri: "own://key", variables: { PATH: "/plugins" } }]);
    for (const of of [
      "env://KEY",
      "file:///etc/key",
      "https://evil.example",
      "k8s://ns/name",
      "gitlab://p",
      "pkcs11://x",
    ]) {
      keys.lookup(of);
    }
    assert.equal(asked.length, 1);
  });

  it("are told apart", async () => {
    keys.lookup(uri);
    keys.lookup("awskms:///alias/release");
    await answer({ ok: true, pem: "one" });
    await answer({ ok: true, pem: "two" });
    assert.equal(pem(), "one");
    assert.deepEqual(keys.lookup("awskms:///alias/release"), { state: "Known", pem: "two" });
  });
});
