import assert from "node:assert/strict";
import { execa } from "execa";
import { codeOf, read } from "../../unit/api/markdown.ts";
import { must, randomName } from "../admission/support.ts";
import { condition, type FleetObject, remove, servingModel, verified, write } from "./support/fleet.ts";
import { byKey, registry, registryCa, RegistryWorld, trustPolicy } from "./support/registry-world.ts";

const bin = new URL("../../../bin", import.meta.url).pathname;
const page = "docs/guide/command-line.md";

interface Call {
  readonly text: string;
  /** Undefined: what it finds depends on what else is in the cluster. */
  readonly statuses: readonly number[];
}

/** The calls of the page that can be run here: those in shell blocks, except what is for another shell. */
async function calls(): Promise<readonly Call[]> {
  const blocks = codeOf(await read(page)).filter(({ kind, language }) => kind === "fence" && language === "bash");
  const lines = blocks.flatMap(({ text }) => text.split("\n")).filter((line) => /^mlsecops (?!completion)/.test(line));
  return lines.map((line) => {
    const [text = "", said] = line.split(/\s+# ends with /);
    // verify has one answer; the others find what there is, and end with 1 or 3 where that is bad or not known.
    return { text, statuses: said !== undefined ? [Number(said)] : text.includes(" verify ") ? [0] : [0, 1, 3] };
  });
}

if (registry !== undefined && registryCa !== undefined) {
  describe("the guide to the command line", function () {
    this.timeout(180_000);
    const namespace = randomName("cli-guide");
    const old = randomName("cli-old");
    let world: RegistryWorld;
    let written: readonly FleetObject[];

    before(async () => {
      world = await RegistryWorld.create();
      const reference = await world.model("v1", "release");
      await world.model("unsigned");
      const policy = trustPolicy(old, world.repository, { authorities: [byKey("release-team", world.keys.release)] });
      const fromSecret = { name: "release-team", key: { secretRef: { name: "release-key" } } };
      await world.policyFile("release", policy);
      await world.policyFile("from-secret", trustPolicy(old, world.repository, { authorities: [fromSecret] }));
      await world.secretDir({ "release-key": { "cosign.pub": world.keys.release } });
      await must(["create", "namespace", namespace]);
      const digest = reference.slice(reference.indexOf("@") + 1);
      written = [
        policy,
        servingModel(namespace, "iris", reference, verified(digest, old, "release-team")),
        {
          kind: "SecureNamespace",
          metadata: { name: namespace },
          spec: { profile: "experiment", enforcement: "Audit" },
          status: { observedGeneration: 1, conditions: [condition("Ready", "True", "Audit")] },
        },
      ];
      await write(...written);
    });
    after(async () => {
      await remove(...written);
      await must(["delete", "namespace", namespace, "--wait=false"]);
      await world.remove();
    });

    it("has only commands that do what it says", async () => {
      const all = await calls();
      assert.ok(all.length >= 12, `only ${all.length} found`);
      for (const { text, statuses } of all) {
        const command = text
          .replaceAll("registry.example.com/models/iris", world.repository)
          .replaceAll("fraud-serving", namespace)
          .replaceAll("old-release", old)
          .replace("--secret-dir keys", "--secret-dir secrets");
        // Its certificate is this cluster's own.
        const trusting = /verify|--refresh|replay/.test(command) ? `${command} --ca "$MLSECOPS_REGISTRY_CA"` : command;
        const env = { PATH: [bin, process.env["PATH"] ?? ""].join(":") };
        const result = await execa("bash", ["-c", trusting], { cwd: world.directory, env, reject: false, all: true });
        assert.ok(statuses.includes(result.exitCode ?? -1), `${text}: ended with ${result.exitCode}\n${result.all}`);
      }
    });

    it("as a plugin of kubectl", async () => {
      const env = { PATH: [bin, process.env["PATH"] ?? ""].join(":") };
      const { stdout } = await execa("kubectl", ["mlsecops", "version"], { env });
      assert.match(stdout, /^mlsecops \d+\.\d+\.\d+$/);
    });
  });
}
