import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { EVIDENCE_PREDICATE_TYPE, KEY_CHAIN } from "../../../src/api/index.ts";
import { Egress } from "../../../src/egress/index.ts";
import {
  DirectoryStore,
  type EvidenceStore,
  RepositoryStore,
  SigningKey,
  readRecord,
  verifyEvidence,
} from "../../../src/governance/index.ts";
import { codeOf, read } from "../../unit/api/markdown.ts";
import { appendFact, enforced, granted, nobody, verdict, withdrawn } from "../../unit/governance/support/build.ts";
import { MemoryStore } from "../../unit/governance/support/memory-store.ts";
import { digestOf } from "../../../src/governance/canonical.ts";
import { OwnRegistry } from "../trust/support/own-registry.ts";
import { cosignPath } from "../trust/support/signer.ts";
import { TokenServer } from "../trust/support/token-server.ts";

const main = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const key = SigningKey.generate();

/** Two objects' chains, put into a store one by one. */
async function fill(store: EvidenceStore): Promise<MemoryStore> {
  const built = new MemoryStore();
  appendFact(built, key, "aaa", verdict());
  appendFact(built, key, "aaa", granted());
  appendFact(built, key, "aaa", withdrawn);
  appendFact(built, key, "bbb", enforced);
  for (const [chain, records] of built.chains)
    for (const { sequence, bytes } of records) {
      const read = readRecord(bytes);
      assert.ok(read.ok);
      const { decision } = read.statement.predicate;
      const artifact = decision.type === "Verdict" ? decision.digest : undefined;
      const record = { chain, sequence, bytes, digest: digestOf(bytes), artifact };
      assert.equal(await store.append(record, nobody), "Kept");
    }
  return built;
}

function audit(...args: readonly string[]) {
  return execa(process.execPath, [...process.execArgv, main, "audit", "verify", ...args], { reject: false, all: true });
}

describe("evidence, read by tools that are not ours", function () {
  this.timeout(60_000);
  let directory: string;
  let keyFile: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "evidence-"));
    keyFile = join(directory, "evidence.pub");
    await writeFile(keyFile, key.public.pem);
  });
  after(() => rm(directory, { recursive: true }));

  function cosign(file: string, digest: string, pem = keyFile) {
    const nowhere = { HOME: directory, HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9" };
    const flags = [
      `--key=${pem}`,
      `--bundle=${file}`,
      `--type=${EVIDENCE_PREDICATE_TYPE}`,
      `--digest=${digest}`,
      "--digestAlg=sha256",
      "--insecure-ignore-tlog=true",
    ];
    return execa(cosignPath, ["verify-blob-attestation", ...flags], {
      reject: false,
      all: true,
      extendEnv: false,
      env: nowhere,
    });
  }

  it("each record is verified by cosign alone, and by no other key and for no other subject", async () => {
    const place = join(directory, "volume");
    await mkdir(place);
    const built = await fill(new DirectoryStore(place));
    const strange = join(directory, "strange.pub");
    await writeFile(strange, SigningKey.generate().public.pem);
    let seen = 0;
    for (const [chain, records] of built.chains)
      for (const { sequence, bytes } of records) {
        const read = readRecord(bytes);
        assert.ok(read.ok);
        const [subject] = read.statement.subject;
        assert.ok(subject);
        const file = join(place, chain, `${String(sequence).padStart(10, "0")}.json`);
        const good = await cosign(file, subject.digest.sha256);
        assert.match(good.all, /Verified OK/);
        assert.notEqual((await cosign(file, subject.digest.sha256, strange)).exitCode, 0);
        assert.notEqual((await cosign(file, "0".repeat(64))).exitCode, 0);
        seen += 1;
      }
    assert.equal(seen, 4);
    const { all, exitCode } = await audit("--dir", place, "--key", keyFile);
    assert.equal(exitCode, 0, all);
    assert.match(all, /2 chains, 4 records, 0 broken: sound/);
  });

  it("the commands of the guide do what they say", async () => {
    const guide = codeOf(await read("docs/guide/audit.md")).filter(({ kind }) => kind === "fence");
    const lines = guide.flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
    const at = join(directory, "guide");
    await mkdir(join(at, "evidence"), { recursive: true });
    const built = await fill(new DirectoryStore(join(at, "evidence")));
    await writeFile(join(at, "evidence.pub"), key.public.pem);
    const last = built.of("aaa").at(-1)?.bytes ?? Buffer.alloc(0);
    const shell = (line: string) =>
      execa("sh", ["-c", line.replace("npm run mlsecops --", '"$NODE" "$MAIN"').replace("UID", "aaa")], {
        cwd: at,
        reject: false,
        all: true,
        env: {
          NODE: process.execPath,
          MAIN: main,
          HEAD: digestOf(last),
          DIGEST: "1".repeat(64),
          PATH: `${dirname(cosignPath)}:${process.env["PATH"] ?? ""}`,
          HTTPS_PROXY: "http://127.0.0.1:9",
        },
      });
    const ofDirectory = lines.filter((line) => line.includes("audit verify --dir"));
    assert.equal(ofDirectory.length, 3);
    for (const line of ofDirectory) {
      const { all, exitCode } = await shell(line.replace("SecureModel/shop/iris", "SecureModel/shop/m-aaa"));
      assert.equal(exitCode, 0, `${line}\n${all}`);
    }
    const [cosignLine] = lines.filter((line) => line.startsWith("cosign "));
    assert.ok(cosignLine);
    assert.match((await shell(cosignLine)).all, /Verified OK/);
    const [openssl] = lines.filter((line) => line.startsWith("openssl "));
    assert.ok(openssl);
    assert.equal((await shell(openssl)).exitCode, 0);
    const made = SigningKey.parse(await readFile(join(at, "new.key"), "utf8"));
    assert.ok(made.ok, JSON.stringify(made));
  });

  describe("in a real registry", () => {
    let registry: OwnRegistry;
    const plainHttp: string[] = [];
    const egress = () => new Egress({ plainHttpHosts: plainHttp, addressCheck: () => undefined });
    const open = (repository: string, basic?: string) =>
      new RepositoryStore({
        egress: egress(),
        place: { registry: registry.host, repository },
        plainHttpHosts: [registry.host],
        login: () => Promise.resolve(basic),
        push: true,
      });
    const origin = () => `http://${registry.host}/v2`;

    before(async () => {
      registry = await OwnRegistry.create();
      await registry.start();
      plainHttp.push(registry.host);
    });
    after(() => registry.remove());

    it("the records are listed, read and verified, also where there was nothing before", async () => {
      const store = open("one/evidence");
      assert.deepEqual(await store.list(nobody), []);
      const built = await fill(store);
      const entries = await store.list(nobody);
      assert.deepEqual(
        entries.map(({ chain, sequence }) => `${chain} ${sequence}`),
        ["aaa 0", "aaa 1", "aaa 2", "bbb 0"],
      );
      const [first] = entries;
      assert.ok(first);
      assert.ok((await store.read(first, nobody)).equals(built.of("aaa")[0]?.bytes ?? Buffer.alloc(0)));
      assert.ok((await verifyEvidence({ store, keys: [key.public], signal: nobody })).sound);
      const { all, exitCode } = await audit(
        "--repository",
        `${registry.host}/one/evidence`,
        "--plain-http",
        "--key",
        keyFile,
      );
      assert.equal(exitCode, 0, all);
      assert.match(all, /^SecureModel\/shop\/m-aaa +3 /m);
    });

    it("the records of an artifact are attached to it", async () => {
      await fill(open("two/evidence"));
      const artifact = "1".repeat(64);
      // This registry has no referrers API: clients keep the list under a tag.
      const answer = await fetch(`${origin()}/two/evidence/manifests/sha256-${artifact}`, {
        headers: { accept: "application/vnd.oci.image.index.v1+json" },
      });
      const { manifests } = (await answer.json()) as { manifests: { artifactType: string; digest: string }[] };
      assert.deepEqual(
        manifests.map(({ artifactType }) => artifactType),
        ["application/vnd.dev.sigstore.bundle.v0.3+json"],
      );
      const manifest = await fetch(`${origin()}/two/evidence/manifests/${manifests[0]?.digest ?? ""}`, {
        headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
      });
      const { subject } = (await manifest.json()) as { subject: { digest: string } };
      assert.equal(subject.digest, `sha256:${artifact}`);
    });

    it("the same record is pushed twice without harm, and a fork stays to be seen", async () => {
      const store = open("three/evidence");
      const built = new MemoryStore();
      const other = new MemoryStore();
      appendFact(built, key, "aaa", verdict());
      other.chains.set("aaa", built.of("aaa").slice());
      appendFact(built, key, "aaa", granted(1));
      appendFact(other, key, "aaa", granted(2));
      for (const { sequence, bytes } of [...built.of("aaa"), ...other.of("aaa"), ...built.of("aaa")])
        await store.append({ chain: "aaa", sequence, bytes, digest: digestOf(bytes) }, nobody);
      assert.equal((await store.list(nobody)).length, 3);
      const { chains } = await verifyEvidence({ store, keys: [key.public], signal: nobody });
      assert.equal(chains[0]?.broken?.problem, "Forked");
    });

    it("a blob that was changed on the registry's disk is noticed", async () => {
      const store = open("four/evidence");
      await fill(store);
      const [first] = await store.list(nobody);
      assert.ok(first?.digest !== undefined);
      await writeFile(registry.blobPath(first.digest), "{}");
      const { chains } = await verifyEvidence({ store, keys: [key.public], signal: nobody });
      assert.deepEqual(
        chains.map(({ chain, broken }) => [chain, broken?.problem]),
        [
          ["aaa", "Unreadable"],
          ["bbb", undefined],
        ],
      );
    });

    it("what is no evidence in the repository is passed over", async () => {
      const store = open("one/evidence");
      const tags = await fetch(`${origin()}/one/evidence/tags/list`);
      const { tags: all } = (await tags.json()) as { tags: string[] };
      assert.ok(all.some((tag) => tag.startsWith("sha256-")));
      assert.equal(
        (await store.list(nobody)).some(({ chain }) => chain === KEY_CHAIN),
        false,
      );
      assert.equal((await store.list(nobody)).length, 4);
    });

    it("a login is asked for the right to push, and a wrong one is refused with advice", async () => {
      const tokens = await TokenServer.start(registry.directory);
      plainHttp.push(new URL(tokens.url).host);
      await registry.stop();
      const service = `service: "test registry", issuer: "test tokens", rootcertbundle: "${tokens.certificatePath}"`;
      await registry.start({ auth: `{token: {realm: "${tokens.url}", ${service}}}` });
      try {
        const basic = `Basic ${Buffer.from(tokens.login).toString("base64")}`;
        await fill(open("five/evidence", basic));
        assert.ok(tokens.requests.every(({ scope }) => scope === "repository:five/evidence:pull,push"));
        const wrong = `Basic ${Buffer.from("ci:wrong").toString("base64")}`;
        await assert.rejects(fill(open("five/evidence", wrong)), {
          code: "Refused",
          message: /gave no token \(HTTP 401\)/,
        });
        await assert.rejects(fill(open("five/evidence")), { code: "Refused" });
      } finally {
        await tokens.stop();
        await registry.stop();
        await registry.start();
      }
    });

    it("a registry that is down is said to be, and nothing else", async () => {
      const store = open("one/evidence");
      await registry.stop();
      await assert.rejects(store.list(nobody), {
        code: "Unavailable",
        message: /the evidence repository .*one\/evidence: /,
      });
      const { all, exitCode } = await audit(
        "--repository",
        `${registry.host}/one/evidence`,
        "--plain-http",
        "--key",
        keyFile,
      );
      assert.equal(exitCode, 3, all);
      await registry.start();
    });
  });
});
