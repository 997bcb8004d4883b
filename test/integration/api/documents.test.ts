import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../src/kube/index.ts";
import { kubectlKindsOf, pages, read, root, yamlOf } from "../../unit/api/markdown.ts";
import { type Answer, eventually, installCrds, kubectl, must, randomName } from "../admission/support.ts";

/** All YAML that people are shown is applied, to a real API server and not as a dry run; afterwards it is taken away. */

interface Source {
  readonly where: string;
  readonly text: string;
}

const fallback = randomName("mlsecops-documents");

describe("the documents, on a real API server", function () {
  this.timeout(120_000);
  /** Namespaces that objects are in, and were made for them here. */
  const made = new Set<string>();
  /** On a cluster that is used: applying for real would change the operator, and taking it away would end it. */
  let isInUse = false;

  before(async () => {
    await installCrds();
    isInUse = await exists("deployment", "mlsecops-operator", "-n", "mlsecops-system");
    await ensureNamespace(fallback);
  });
  after(async () => {
    if (made.size > 0) await kubectl(["delete", "namespace", ...made, "--ignore-not-found", "--wait=false"]);
  });

  async function exists(...what: readonly string[]): Promise<boolean> {
    return (await must(["get", ...what, "--ignore-not-found", "-o", "name"])).trim() !== "";
  }

  async function ensureNamespace(name: string): Promise<void> {
    const there = (
      await must(["get", "namespace", name, "--ignore-not-found", "-o", "jsonpath={.status.phase}"])
    ).trim();
    if (there === "Active") return;
    if (there !== "") await must(["wait", "--for=delete", `namespace/${name}`, "--timeout=60s"]);
    await must(["create", "namespace", name]);
    made.add(name);
  }

  /** Applies, takes away what did not exist before, and returns the first refusal. */
  async function applyForReal({ where, text }: Source): Promise<Answer> {
    const objects = objectsOf(where, text);
    for (const { kind, metadata } of objects) {
      if (kind === "Namespace") {
        if (!(await exists("namespace", metadata.name))) made.add(metadata.name);
      } else if (metadata.namespace !== undefined && !names(objects, "Namespace").has(metadata.namespace))
        await ensureNamespace(metadata.namespace);
    }
    // First what has no namespace or none given: Namespaces, CRDs, and what the text leaves to the reader.
    const groups = [
      { objects: objects.filter(({ metadata }) => metadata.namespace === undefined), place: ["-n", fallback] },
      { objects: objects.filter(({ metadata }) => metadata.namespace !== undefined), place: [] },
    ].filter((group) => group.objects.length > 0);
    const dryRun = isInUse ? ["--dry-run=server"] : [];
    try {
      for (const group of groups) {
        const answer = await kubectl(
          ["apply", "--server-side", "--force-conflicts", "--validate=strict", ...dryRun, ...group.place, "-f", "-"],
          { input: list(group.objects) },
        );
        if (!answer.ok) return { ok: false, output: `${where}: ${answer.output}` };
      }
      return { ok: true, output: `${objects.length} objects` };
    } finally {
      // CRDs stay: other suites use them, and deleting one deletes all of its objects.
      for (const group of groups.reverse()) {
        const gone = group.objects.filter(({ kind }) => kind !== "CustomResourceDefinition" && kind !== "Namespace");
        if (gone.length > 0 && !isInUse)
          await must(["delete", "--ignore-not-found", "--wait=false", ...group.place, "-f", "-"], {
            input: list(gone),
          });
      }
    }
  }

  it("takes all YAML of the pages", async () => {
    const sources: Source[] = [];
    for (const page of await pages())
      for (const { line, text } of yamlOf(await read(page))) sources.push({ where: `${page}:${line}`, text });
    assert.ok(sources.length >= 5, `only ${sources.length} blocks were found`);
    const refused: string[] = [];
    for (const source of sources) {
      const answer = await applyForReal(source);
      if (!answer.ok) refused.push(answer.output);
    }
    assert.deepEqual(refused, []);
  });

  it("takes the samples", async () => {
    const files = (await readdir(new URL("manifests/samples/", root))).filter((file) => file !== "kustomization.yaml");
    assert.ok(files.length >= 3);
    for (const file of files) {
      const answer = await applyForReal({ where: file, text: await read(`manifests/samples/${file}`) });
      assert.ok(answer.ok, answer.output);
    }
  });

  it("takes each file of the installation", async () => {
    const files = (await readdir(new URL("manifests/install/", root))).filter((file) => file !== "kustomization.yaml");
    assert.ok(files.includes("operator.yaml"));
    for (const file of files) {
      const answer = await applyForReal({ where: file, text: await read(`manifests/install/${file}`) });
      assert.ok(answer.ok, answer.output);
    }
  });

  it("takes what kustomize makes of the installation", async () => {
    const text = await must(["kustomize", fileURLToPath(new URL("manifests/install/", root))]);
    const answer = await applyForReal({ where: "manifests/install", text });
    assert.ok(answer.ok, answer.output);
  });

  it("would notice a block that is refused, or that is no object", async () => {
    const text = "apiVersion: mlsecops.io/v1alpha1\nkind: SecureNamespace\nmetadata: {name: a}\nspec: {profile: prod}";
    const answer = await applyForReal({ where: "page.md:1", text });
    assert.equal(answer.ok, false);
    assert.match(answer.output, /page\.md:1: .*spec\.profile/s);
    await assert.rejects(applyForReal({ where: "page.md:2", text: "replicas: 1" }), /page\.md:2: .*another language/);
  });

  it("knows every kind that the pages ask kubectl for", async () => {
    const known = new Set<string>(["mlsecops", "all"]);
    await eventually("all kinds are discovered", async () => {
      for (const line of (await must(["api-resources", "--no-headers"])).split("\n")) {
        const words = line.trim().split(/\s+/);
        const [plural = ""] = words;
        const kind = (words.at(-1) ?? "").toLowerCase();
        const short = words.length === 5 ? (words[1] ?? "").split(",") : [];
        for (const name of [plural, kind, ...short]) known.add(name);
      }
      return known.has("smodel") && known.has("ctp");
    });
    const wrong: string[] = [];
    for (const page of await pages())
      for (const { kind, line } of kubectlKindsOf(await read(page)))
        if (!known.has(kind.toLowerCase())) wrong.push(`${page}:${line}: ${kind}`);
    assert.deepEqual(wrong, []);
  });
});

function list(items: readonly KubeObject[]) {
  return { apiVersion: "v1", kind: "List", items };
}

function names(objects: readonly KubeObject[], kind: string): ReadonlySet<string> {
  return new Set(objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name));
}

function objectsOf(where: string, text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${where}: ${document.errors.join("; ")}`);
    const object = document.toJS() as Partial<KubeObject> | null;
    if (object === null) return [];
    if (object.apiVersion === undefined || object.kind === undefined || object.metadata === undefined)
      throw new Error(`${where}: this is no Kubernetes object; mark the block with another language than yaml`);
    return [object as KubeObject];
  });
}
