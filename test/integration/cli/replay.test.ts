import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ExplainReport } from "../../../src/cli/explain/schema.ts";
import { ReplayReport } from "../../../src/cli/replay/schema.ts";
import { StatusReport } from "../../../src/cli/status/schema.ts";
import { must, randomName } from "../admission/support.ts";
import { mlsecops } from "./support/command.ts";
import { condition, type FleetObject, grant, remove, servingModel, verified, write } from "./support/fleet.ts";
import { byKey, registry, registryCa, RegistryWorld, trustPolicy } from "./support/registry-world.ts";

if (registry !== undefined && registryCa !== undefined) {
  describe("mlsecops on a fleet of models", function () {
    this.timeout(180_000);
    const ca = ["--ca", registryCa ?? ""];
    const namespace = randomName("cli-fleet");
    const policyName = randomName("cli-release");
    let world: RegistryWorld;
    let written: readonly FleetObject[];
    let policy: FleetObject;

    before(async () => {
      world = await RegistryWorld.create();
      const [byRelease, bySecurity, byBoth] = [
        await world.model("by-release", "release"),
        await world.model("by-security", "security"),
        await world.model("by-both", "release", "security"),
      ];
      policy = {
        ...trustPolicy(policyName, world.repository, {
          authorities: [byKey("release-team", world.keys.release), byKey("security-team", world.keys.security)],
        }),
        status: { observedGeneration: 1, conditions: [condition("Ready", "True", "KeysResolved")] },
      };
      const digest = (reference: string) => reference.slice(reference.indexOf("@") + 1);
      const model = (name: string, reference: string, authority: string) =>
        servingModel(namespace, name, reference, verified(digest(reference), policyName, authority));
      await must(["create", "namespace", namespace]);
      written = [
        policy,
        model("by-release", byRelease, "release-team"),
        model("by-security", bySecurity, "security-team"),
        model("by-both", byBoth, "release-team"),
        grant(namespace, digest(byRelease), "by-release"),
      ];
      await write(...written);
    });
    after(async () => {
      await remove(...written);
      await must(["delete", "namespace", namespace, "--wait=false"]);
      await world.remove();
    });

    const own = ({ changes }: ReplayReport) => changes.filter((change) => change.namespace === namespace);

    it("replay: a key removed changes exactly what only that key vouched for", async () => {
      const next = trustPolicy(policyName, world.repository, {
        authorities: [byKey("security-team", world.keys.security)],
      });
      const file = await world.policyFile("next", next);
      const { all, stdout, exitCode } = await mlsecops(["replay", "--policy", file, "-o", "json", ...ca]);
      assert.equal(exitCode, 1, all);
      const report = ReplayReport.strict().parse(JSON.parse(stdout));
      assert.deepEqual(
        own(report).map(({ name, effect, before, after }) => [name, effect, before.outcome, after.reason]),
        [["by-release", "Quarantined", "Verified", "UntrustedSigner"]],
      );
      assert.deepEqual(report.policies, { added: [], changed: [policyName], removed: [] });
    });

    it("replay: the same policies change nothing", async () => {
      const file = await world.policyFile("same", policy);
      const { stdout } = await mlsecops(["replay", "--policy", file, "-o", "json", ...ca]);
      assert.deepEqual(own(ReplayReport.parse(JSON.parse(stdout))), []);
    });

    it("replay --offline: says what policies refuse by themselves, and Unknown for the rest", async () => {
      const gone = await mlsecops(["replay", "--replace", policyName, "--offline", "-o", "json"]);
      assert.equal(gone.exitCode, 1, gone.all);
      const report = ReplayReport.parse(JSON.parse(gone.stdout));
      assert.deepEqual(new Set(own(report).map(({ after }) => after.reason)), new Set(["NoPolicy"]));
      assert.equal(own(report).length, 3);
      const file = await world.policyFile(
        "stricter",
        trustPolicy(policyName, world.repository, {
          threshold: 2,
          authorities: [byKey("release-team", world.keys.release), byKey("security-team", world.keys.security)],
        }),
      );
      const stricter = await mlsecops(["replay", "--policy", file, "--offline", "-o", "json"]);
      assert.deepEqual(
        own(ReplayReport.parse(JSON.parse(stricter.stdout))).map(({ effect }) => effect),
        ["Unknown", "Unknown", "Unknown"],
      );
    });

    it("replay: new rules about what is in a model are Unknown, until models are read", async () => {
      const file = await world.policyFile(
        "formats",
        trustPolicy(policyName, world.repository, {
          authorities: [byKey("release-team", world.keys.release), byKey("security-team", world.keys.security)],
          formats: { allow: ["safetensors"] },
        }),
      );
      const effects = async (...options: readonly string[]) => {
        const { stdout } = await mlsecops(["replay", "--policy", file, "-o", "json", ...options, ...ca]);
        const changes = own(ReplayReport.parse(JSON.parse(stdout)));
        return [changes.length, ...new Set(changes.map(({ effect, after }) => `${effect} ${after.reason}`))];
      };
      assert.deepEqual(await effects(), [3, "Unknown ContentNotRead"]);
      assert.deepEqual(await effects("--content"), [3, "Quarantined FormatNotAllowed"]);
    });

    it("replay: a policy that does not parse is refused, with its field", async () => {
      const file = await world.policyFile("wrong", trustPolicy(policyName, world.repository, { threshold: "two" }));
      const { all, exitCode } = await mlsecops(["replay", "--policy", file]);
      assert.equal(exitCode, 2, all);
      assert.match(all, new RegExp(`document 1: ClusterTrustPolicy ${policyName}: spec\\.threshold: `));
      assert.ok((await readFile(file, "utf8")).includes("threshold: two"));
    });

    it("explain: from the reference to the pods, out of the status", async () => {
      const { all, exitCode } = await mlsecops(["explain", "smodel/by-release", "-n", namespace]);
      // No operator runs here: there is no revision and no pod.
      assert.equal(exitCode, 1, all);
      assert.match(all, /^SecureModel \S+\/by-release\n├─ reference \S+ \(Pinned\)\n│ {2}└─ \[ok\] digest sha256:/);
      assert.match(all, /\[ok\] policy \S+ \(generation 1\): 1 of 1 signature\n/);
      assert.match(all, /\[ok\] authority release-team vouches\n/);
      assert.match(
        all,
        /the model sha256:\S+ as imageVolume: granted until \S+ \(in 24 h\) by SecureModel by-release\n/,
      );
      assert.match(all, /revisions: there is none\n/);
    });

    it("explain --refresh: each authority by the registry, with its bundle", async () => {
      const { stdout, all } = await mlsecops([
        ...["explain", "smodel/by-both", "-n", namespace, "--refresh", "-o", "json"],
        ...ca,
      ]);
      const report = ExplainReport.parse(JSON.parse(stdout));
      assert.equal(report.source, "Registry", all);
      const policies = report.tree.children.find(({ text }) => text === "policies");
      const [first] = (policies?.children ?? []).filter(({ text }) => text.includes(policyName));
      const authorities = first?.children ?? [];
      assert.deepEqual(
        authorities.map(({ text }) => text),
        ["authority release-team vouches", "authority security-team vouches"],
      );
      const [signature] = authorities[1]?.children ?? [];
      assert.match(signature?.text ?? "", /^key sha256:\S+, at a time that is not proven, bundle sha256:/);
    });

    it("explain: an object that is not there", async () => {
      const { all, exitCode } = await mlsecops(["explain", "smodel/absent", "-n", namespace]);
      assert.equal(exitCode, 2, all);
      assert.match(all, /there is no SecureModel \S+\/absent/);
    });

    it("status: all of the namespace, and the policies", async () => {
      const { stdout } = await mlsecops(["status", "-n", namespace, "-o", "json"]);
      const report = StatusReport.strict().parse(JSON.parse(stdout));
      const models = report.rows.filter(({ kind }) => kind === "SecureModel");
      assert.deepEqual(
        models.map(({ name, ready, serving, verdict, attention }) => [name, ready, serving, verdict, attention.length]),
        ["by-both", "by-release", "by-security"].map((name) => [name, "True", "True", "Verified", 0]),
      );
      assert.ok(report.rows.some(({ kind, name }) => kind === "ClusterTrustPolicy" && name === policyName));
    });
  });
}
