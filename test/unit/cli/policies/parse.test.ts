import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parsePolicies } from "../../../../src/cli/policies/parse.ts";
import { readSecretFiles } from "../../../../src/cli/policies/secret-files.ts";

const head = (name: string) =>
  `apiVersion: mlsecops.io/v1alpha1\nkind: ClusterTrustPolicy\nmetadata: {name: ${name}}\n`;
const spec = 'spec: {scope: {references: ["**"]}}\n';
const good = (name: string) => head(name) + spec;

describe("policies in a file", () => {
  it("several documents, empty ones left out, and lists as kubectl writes them", () => {
    const indented = good("b").replace(/^/gm, "    ").replace("    ", "  - ");
    const parsed = parsePolicies(
      `---\n${good("a")}---\n---\nkind: List\napiVersion: v1\nitems:\n${indented.trimEnd()}\n`,
    );
    assert.deepEqual(parsed.ok && parsed.policies.map(({ metadata }) => metadata.name), ["a", "b"]);
  });

  const table: readonly (readonly [string, string, RegExp])[] = [
    ["nothing", "", /^there is no ClusterTrustPolicy in it$/],
    ["no YAML", "a: [", /^document 1: not YAML: /],
    ["another kind", good("a").replace("ClusterTrustPolicy", "Secret"), /^document 1: a is .* Secret: only /],
    ["another version", good("a").replace("v1alpha1", "v9"), /only mlsecops\.io\/v1alpha1 ClusterTrustPolicy/],
    ["a scalar", "hello", /^document 1: .* is missing or of another type/],
    ["no name", good("a").replace("{name: a}", "{}"), /^document 1: metadata\.name is missing/],
    ["no scope", head("a") + "spec: {}\n", /^document 1: ClusterTrustPolicy a: spec\.scope: /],
    [
      "an unknown field",
      good("a").replace("spec: {", "spec: {treshold: 2, "),
      /ClusterTrustPolicy a: spec: .*treshold/,
    ],
    [
      "a wrong one in the second",
      `${good("a")}---\n${head("b")}spec: {mode: Off}\n`,
      /^document 2: ClusterTrustPolicy b: /,
    ],
    ["two of one name", `${good("a")}---\n${good("a")}`, /^there are two policies a/],
    ["an alias", `${head("a")}spec: &s {scope: *s}\n`, /^document 1: /],
  ];
  for (const [what, text, message] of table)
    it(`${what}: refused`, () => {
      const parsed = parsePolicies(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.problems[0] ?? "", message);
    });

  it("whatever is in it, it is parsed or refused", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => void parsePolicies(text)));
  });
});

describe("Secrets as files", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "secrets-"));
    await mkdir(join(directory, "release/..data"), { recursive: true });
    await writeFile(join(directory, "release/..data/cosign.pub"), "key");
    await symlink("..data/cosign.pub", join(directory, "release/cosign.pub"));
    await writeFile(join(directory, "outside"), "no");
  });
  after(() => rm(directory, { recursive: true }));

  it("are read as a volume shows them", async () => {
    const data = await readSecretFiles(directory, "release");
    assert.deepEqual(data, { "cosign.pub": Buffer.from("key").toString("base64") });
  });

  for (const name of ["absent", "outside", ".", "..", "../secrets", "release/..data"])
    it(`${name}: there is none`, async () => {
      assert.equal(await readSecretFiles(directory, name), undefined);
    });
});
