import assert from "node:assert/strict";
import { appendFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import { VerifyReport } from "../../../src/cli/verify/schema.ts";
import { mlsecops } from "./support/command.ts";
import { byKey, predicateType, registry, registryCa, RegistryWorld, trustPolicy } from "./support/registry-world.ts";

if (registry !== undefined && registryCa !== undefined) {
  describe("mlsecops verify", function () {
    this.timeout(120_000);
    const ca = ["--ca", registryCa ?? ""];
    let world: RegistryWorld;
    let signed: string;
    let one: string;

    before(async () => {
      world = await RegistryWorld.create();
      one = await world.policyFile(
        "one",
        trustPolicy("release", world.repository, { authorities: [byKey("release-team", world.keys.release)] }),
      );
      signed = await world.model("signed", "release");
    });
    after(() => world.remove());

    it("signed by whom the policy names: Verified, with signer and end", async () => {
      const { all, exitCode } = await mlsecops(["verify", signed, "--policy", one, ...ca]);
      assert.equal(exitCode, 0, all);
      assert.match(all, /^outcome +Verified$/m);
      assert.match(all, /^digest +sha256:/m);
      assert.match(all, /^valid until +\S+ \(in 24 h\)$/m);
      assert.match(all, /^release +release-team +sha256:\S+ +not proven$/m);
      assert.ok(!all.includes("\u001b"), "no colours where nobody looks");
    });

    it("by tag, and as JSON of the documented shape", async () => {
      const { stdout, exitCode } = await mlsecops([
        ...["verify", `${world.repository}:signed`, "--policy", one, "-o", "json"],
        ...ca,
      ]);
      assert.equal(exitCode, 0);
      const report = VerifyReport.strict().parse(JSON.parse(stdout));
      assert.equal(report.digest, signed.slice(signed.indexOf("@") + 1));
      assert.deepEqual(
        report.policies.map(({ name, have, need }) => [name, have, need]),
        [["release", 1, 1]],
      );
      assert.match(report.policies[0]?.authorities[0]?.signatures[0]?.bundle ?? "", /^sha256:/);
    });

    it("signed by nobody: Rejected, and what is missing", async () => {
      const { all, exitCode } = await mlsecops(["verify", await world.model("bare"), "--policy", one, ...ca]);
      assert.equal(exitCode, 1, all);
      assert.match(all, /^reason +NoSignature$/m);
      assert.match(all, /policy release: 0 of 1 signatures; missing: release-team/);
    });

    it("signed by a stranger: Rejected", async () => {
      const reference = await world.model("strange", "stranger");
      const { all, exitCode } = await mlsecops(["verify", reference, "--policy", one, ...ca]);
      assert.equal(exitCode, 1, all);
      assert.match(all, /^reason +UntrustedSigner$/m);
    });

    it("two of three must sign: one is not enough, two are; their keys come from Secrets in a folder", async () => {
      const names = ["release", "security", "audit"] as const;
      const policy = await world.policyFile(
        "two",
        trustPolicy("two-of-three", world.repository, {
          threshold: 2,
          authorities: names.map((name) => ({ name, key: { secretRef: { name: `${name}-key` } } })),
        }),
      );
      const without = await mlsecops(["verify", signed, "--policy", policy, ...ca]);
      assert.equal(without.exitCode, 2, without.all);
      assert.match(without.all, /takes something from Secret release-key: give --secret-dir DIR/);
      const folder = await world.secretDir(
        Object.fromEntries(names.map((name) => [`${name}-key`, { "cosign.pub": world.keys[name] }])),
      );
      const options = ["--policy", policy, "--secret-dir", folder, ...ca];
      const alone = await mlsecops(["verify", signed, ...options]);
      assert.equal(alone.exitCode, 1, alone.all);
      assert.match(alone.all, /policy two-of-three: 1 of 2 signatures; missing: security or audit/);
      const both = await mlsecops(["verify", await world.model("both", "release", "audit"), ...options]);
      assert.equal(both.exitCode, 0, both.all);
    });

    it("an attestation must say enough: each condition with its value", async () => {
      const policy = await world.policyFile(
        "attested",
        trustPolicy("evaluated", world.repository, {
          authorities: [byKey("release-team", world.keys.release)],
          attestations: [{ name: "evaluation", predicateType, conditions: [{ expression: "predicate.score >= 0.9" }] }],
        }),
      );
      const check = async (reference: string) => {
        const { stdout, exitCode } = await mlsecops(["verify", reference, "--policy", policy, "-o", "json", ...ca]);
        const { missing, reason, policies } = VerifyReport.parse(JSON.parse(stdout));
        const conditions = policies.flatMap(({ attestations }) =>
          attestations.flatMap(({ statements }) => statements.flatMap((statement) => statement.conditions)),
        );
        return { exitCode, missing, reason, values: conditions.map(({ value }) => value) };
      };
      const none = await check(signed);
      assert.deepEqual([none.exitCode, none.reason], [1, "AttestationMissing"]);
      const bad = await world.model("bad", "release");
      await world.attest(bad, "release", { score: 0.5 });
      const refused = await check(bad);
      assert.deepEqual([refused.exitCode, refused.reason, refused.values], [1, "AttestationRejected", ["False"]]);
      assert.match(refused.missing.join(), /predicate\.score >= 0\.9 is false \(by release-team\)/);
      const good = await world.model("good", "release");
      await world.attest(good, "release", { score: 0.95 });
      const accepted = await check(good);
      assert.deepEqual([accepted.exitCode, accepted.values], [0, ["True"]]);
    });

    it("a registry that does not answer, or a cosign that is not there: Indeterminate", async () => {
      const away = await world.policyFile(
        "away",
        trustPolicy("all", "**", { authorities: [byKey("r", world.keys.release)] }),
      );
      const silent = await mlsecops(["verify", "registry.invalid/model:v1", "--policy", away]);
      assert.equal(silent.exitCode, 3, silent.all);
      const toolless = await mlsecops(["verify", signed, "--policy", one, "--cosign", "/absent/cosign", ...ca]);
      assert.equal(toolless.exitCode, 3, toolless.all);
      assert.match(toolless.all, /could not be started/);
    });

    it("from an OCI layout, without any network, by digest and by tag; not once a byte of it is changed", async () => {
      const folder = await world.layout(signed);
      const verify = (reference: string) =>
        mlsecops(["verify", reference, "--policy", one, "--layout", folder], ["unshare", "-rn"]);
      for (const reference of [signed, `${world.repository}:signed`]) {
        const { all, exitCode } = await verify(reference);
        assert.equal(exitCode, 0, all);
      }
      const blob = join(folder, "blobs/sha256", signed.slice(signed.indexOf(":", signed.indexOf("@")) + 1));
      await chmod(blob, 0o644);
      await appendFile(blob, " ");
      const { all, exitCode } = await verify(signed);
      assert.equal(exitCode, 1, all);
      assert.match(all, /^reason +ManifestDigestMismatch$/m);
    });
  });
}
