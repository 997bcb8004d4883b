import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { readBundle } from "../../../src/trust/bundle.ts";
import { ArtifactStore, Cosign } from "../../../src/trust/index.ts";
import { artifact, digest, digestOf, now, vector, vectorDigests } from "../../unit/trust/support/build.ts";
import { FakeCosign } from "../../unit/trust/support/fake-cosign.ts";
import { fill } from "./full.ts";

const check = {
  bundle: vector("p256.bundle.json"),
  by: { kind: "Key", publicKeyPem: vector("p256.pub").toString() } as const,
  digest,
  predicateType: "https://sigstore.dev/cosign/sign/v1",
};

/** What is kept over a restart, and cosign's files, on a disk that is full, and then is not any more. Prints what became of them. */
async function main(directory: string): Promise<void> {
  const bytes = vector("p256.bundle.json");
  const claim = readBundle(bytes, vectorDigests.model);
  const ownDigest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const bundles = [{ referrer: digestOf("c"), digest: ownDigest, bytes, claim }];
  const gathered = { at: now, facts: artifact({ digest: vectorDigests.model, bundles }) };
  const problems: unknown[] = [];
  const cache = join(directory, "cache");
  const store = new ArtifactStore(cache, { maxBytes: 1024 * 1024, onProblem: (error) => problems.push(error) });
  await store.open();
  const fake = await FakeCosign.create("say_ok");
  const tempDir = join(directory, "cosign");
  await mkdir(tempDir);
  const cosign = new Cosign({ path: fake.path, tempDir });
  const judge = async () => (await cosign.verifyBundle(check)).outcome;
  try {
    await store.keep("before", gathered);
    const giveBack = await fill(directory);
    await store.keep("during", gathered);
    const whileFull = {
      before: (await store.load("before")) !== undefined,
      during: (await store.load("during")) !== undefined,
      problems: problems.map((error) => (error as NodeJS.ErrnoException).code),
      cosign: await judge(),
      left: [...(await readdir(cache)).filter((name) => !name.endsWith(".json")), ...(await readdir(tempDir))],
    };
    await giveBack();
    await store.keep("during", gathered);
    const after = { during: (await store.load("during")) !== undefined, cosign: await judge() };
    process.stdout.write(JSON.stringify({ whileFull, after }));
  } finally {
    await fake.remove();
  }
}

await main(process.argv[2] ?? "");
