import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { kinds } from "../../../src/api/index.ts";
import { root } from "./markdown.ts";

const modules = fileURLToPath(new URL("node_modules/", root));

/** Other people's tools read our CRDs: one of them makes classes of them, and a program that uses these compiles. */
describe("a client generated from the CRDs by kubernetes-fluent-client", function () {
  // Two programs of their own, each slow to load.
  this.timeout(300_000);
  let folder = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mlsecops-client-"));
    await symlink(modules, join(folder, "node_modules"));
    const crds = new URL("crds/", root);
    const files = (await readdir(crds)).filter((file) => file.endsWith(".yaml"));
    const texts = await Promise.all(files.map((file) => readFile(new URL(file, crds), "utf8")));
    await writeFile(join(folder, "crds.yaml"), texts.join("---\n"));
    const cli = join(modules, "kubernetes-fluent-client/dist/cli.js");
    await execa(process.execPath, [cli, "crd", join(folder, "crds.yaml"), join(folder, "client")]);
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("has a registered class for each kind", async () => {
    for (const { resource } of kinds) {
      const text = await readFile(fileOf(resource), "utf8");
      const { kind, group, version, plural } = resource;
      assert.match(text, new RegExp(`export class ${kind} extends GenericKind`));
      const registered = new RegExp(`RegisterKind\\(${kind}, (\\{[^}]*\\})`).exec(text)?.[1] ?? "";
      for (const word of [group, version, kind, plural])
        assert.ok(registered.includes(`"${word}"`), `${kind}: ${registered}`);
    }
    assert.equal((await readdir(join(folder, "client"))).length, kinds.length);
  });

  it("compiles, together with a program that uses it", async () => {
    const imports = kinds.map(
      ({ resource: { kind, version } }) =>
        `import { ${kind} } from "./client/${kind.toLowerCase()}-${version}.ts";\nexport const a${kind}: ${kind} = new ${kind}();`,
    );
    await writeFile(
      join(folder, "program.ts"),
      [
        ...imports,
        "aSecureModel.spec = { source: { oci: { reference: 'registry.example.com/models/iris:v1' } }, replicas: 2 };",
        "// @ts-expect-error There is no such field.",
        "aSecureModel.spec = { sources: {} };",
        "export const outcome: string | undefined = aSecureModel.status?.verdict?.outcome;",
        "export const granted: number | undefined = aSecureNamespace.status?.grantedDigests;",
      ].join("\n"),
    );
    const compilerOptions = {
      target: "ES2022",
      module: "NodeNext",
      moduleResolution: "NodeNext",
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      // The class library's own types are not ours to check.
      skipLibCheck: true,
      types: ["node"],
    };
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["program.ts", "client"] }),
    );
    const tsc = join(modules, "typescript/bin/tsc");
    const result = await execa(process.execPath, [tsc, "-p", folder], { reject: false, all: true });
    assert.equal(result.exitCode, 0, result.all);
  });

  function fileOf({ kind, version }: { readonly kind: string; readonly version: string }): string {
    return join(folder, "client", `${kind.toLowerCase()}-${version}.ts`);
  }
});
