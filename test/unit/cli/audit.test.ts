import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseKeys } from "../../../src/cli/audit/keys.ts";
import { run } from "../../../src/cli/run.ts";
import { digestOf } from "../../../src/governance/canonical.ts";
import { DirectoryStore, SigningKey } from "../../../src/governance/index.ts";
import { appendFact, enforced, granted, nobody, verdict } from "../governance/support/build.ts";
import { MemoryStore } from "../governance/support/memory-store.ts";

describe("mlsecops audit verify", () => {
  const key = SigningKey.generate();
  let directory: string;
  let keyFile: string;
  let head: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "audit-"));
    keyFile = join(directory, "evidence.pub");
    await writeFile(keyFile, key.public.pem);
    const built = new MemoryStore();
    appendFact(built, key, "aaa", verdict());
    appendFact(built, key, "aaa", granted());
    appendFact(built, key, "bbb", enforced);
    const store = new DirectoryStore(directory);
    for (const [chain, records] of built.chains)
      for (const { sequence, bytes } of records)
        await store.append({ chain, sequence, bytes, digest: digestOf(bytes) }, nobody);
    head = digestOf(built.of("aaa")[1]?.bytes ?? "");
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function audit(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
    const written = { out: "", err: "" };
    const status = await run(["audit", ...args], {
      out: (text) => void (written.out += text),
      err: (text) => void (written.err += text),
    });
    return { status, ...written };
  }
  const verify = (...args: readonly string[]) => audit("verify", "--dir", directory, "--key", keyFile, ...args);
  const record = (chain: string, sequence: number) => join(directory, chain, `000000000${sequence}.json`);

  it("prints a row for each chain and ends with 0 when all is sound", async () => {
    const { status, out, err } = await verify("--head", head);
    assert.equal(err, "");
    assert.match(out, /^CHAIN +RECORDS +FIRST +LAST +OUTCOME\n/);
    assert.match(out, /^SecureModel\/shop\/m-aaa +2 +2026-01-01T00:00:00\.000Z +2026-01-01T00:00:01\.000Z +sound$/m);
    assert.match(out, /^2 chains, 3 records, 0 broken: sound$/m);
    assert.equal(status, 0);
  });

  it("names the first broken link and ends with 1", async () => {
    const text = await readFile(record("aaa", 1), "utf8");
    await writeFile(record("aaa", 1), text.replace('"sig":"M', '"sig":"N'));
    const { status, out } = await verify();
    assert.match(out, /m-aaa +2 .* BROKEN\n {2}-> record 1: BadSignature: /);
    assert.match(out, /1 broken: BROKEN$/m);
    assert.equal(status, 1);
  });

  it("shows nothing to the terminal that a record could bring", async () => {
    const bundle = JSON.parse(await readFile(record("aaa", 1), "utf8")) as { dsseEnvelope: { payloadType: string } };
    bundle.dsseEnvelope.payloadType = "\u001b[2Jfake\nall is sound";
    await writeFile(record("aaa", 1), JSON.stringify(bundle));
    const { out } = await verify();
    assert.match(out, /WrongPayloadType: its payload is \?\[2Jfake\?all is sound/);
  });

  it("says which of the heads that somebody kept is gone", async () => {
    await rm(record("aaa", 1));
    const { status, out } = await verify("--head", head);
    assert.ok(out.includes(`${head}: there is no`));
    assert.equal(status, 1);
  });

  it("looks at one object when asked, in JSON too", async () => {
    await writeFile(record("bbb", 0), "{}");
    const { status, out } = await verify("--object", "securemodel/shop/m-aaa", "-o", "json");
    const found = JSON.parse(out) as { sound: boolean; chains: { chain: string; broken?: { problem: string } }[] };
    // What cannot be read may be about any object.
    assert.deepEqual(
      found.chains.map(({ chain, broken }) => [chain, broken?.problem]),
      [
        ["aaa", undefined],
        ["bbb", "Unreadable"],
      ],
    );
    assert.equal(status, 1);
    assert.match(
      (await verify("--object", "SecureModel/shop/other")).out,
      /SecureModel\/shop\/other: there is no chain/,
    );
  });

  it("does not take a key that did not sign", async () => {
    const other = join(directory, "other.pub");
    await writeFile(other, SigningKey.generate().public.pem);
    const { status, out } = await audit("verify", "--dir", directory, "--key", other);
    assert.match(out, /record 0: UnknownKey/);
    assert.equal(status, 1);
  });

  it("ends with 3 when it could not look, which is not the same as sound", async () => {
    const empty = await mkdtemp(join(tmpdir(), "audit-empty-"));
    const table: readonly (readonly [readonly string[], RegExp])[] = [
      [["--dir", join(directory, "absent"), "--key", keyFile], /the evidence directory: ENOENT/],
      [["--dir", empty, "--key", keyFile], /there is no evidence in that place/],
      [["--dir", directory, "--key", join(directory, "absent")], /ENOENT/],
      [
        ["--repository", "127.0.0.1:1/evidence", "--key", keyFile],
        /the evidence repository 127\.0\.0\.1:1\/evidence: /,
      ],
      [
        ["--repository", "127.0.0.1:1/evidence", "--key", keyFile, "--ca-file", "/absent"],
        /--ca-file \/absent: ENOENT/,
      ],
    ];
    for (const [args, message] of table) {
      const { status, out, err } = await audit("verify", ...args);
      assert.match(err, message);
      assert.equal(out, "");
      assert.equal(status, 3);
    }
    await rm(empty, { recursive: true });
  });

  it("never repeats a private key that is given by mistake", async () => {
    const pem = key.privatePem();
    await writeFile(keyFile, pem);
    const { status, err } = await verify();
    assert.equal(status, 3);
    assert.match(err, /holds a PRIVATE key/);
    assert.ok(!err.includes(pem.split("\n")[1] ?? pem));
  });

  it("takes several keys from one file", () => {
    const [a, b] = [SigningKey.generate().public, SigningKey.generate().public];
    const parsed = parseKeys(`${a.pem}\n${b.pem}`, "--key keys.pem");
    assert.ok(parsed.ok);
    assert.deepEqual(
      parsed.keys.map(({ fingerprint }) => fingerprint),
      [a.fingerprint, b.fingerprint],
    );
    assert.equal(parseKeys(" \n", "--key keys.pem").ok, false);
    assert.equal(parseKeys(`${a.pem}rubbish`, "--key keys.pem").ok, false);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /give verify: the one thing it does/],
    [["check"], /verify check: write verify/],
    [["verify"], /either --dir or --repository/],
    [["verify", "--dir", "a", "--repository", "b"], /either --dir or --repository/],
    [["verify", "--dir", "a"], /give the key to trust/],
    [["verify", "--dir", "a", "--key", "k", "--head", "abc"], /--head abc: write sha256/],
    [["verify", "--dir", "a", "--key", "k", "-o", "yaml"], /--output yaml: write table or json/],
    [["verify", "--dir", "a", "--key", "k", "--object", "iris"], /write KIND\/NAMESPACE\/NAME/],
    [["verify", "--fast"], /Unknown option '--fast'/],
  ];
  for (const [args, message] of wrong)
    it(`ends with 2 for: audit ${args.join(" ")}`, async () => {
      const { status, err, out } = await audit(...args);
      assert.match(err, message);
      assert.match(err, /usage: mlsecops audit verify/);
      assert.equal(out, "");
      assert.equal(status, 2);
    });

  it("prints its help", async () => {
    const { status, out } = await audit("--help");
    assert.match(out, /^usage: mlsecops audit verify/);
    assert.equal(status, 0);
  });
});
