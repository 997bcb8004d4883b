import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { z } from "zod";

/** Something that an image is made of. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** Package URL (https://github.com/package-url/purl-spec). */
  readonly purl: string;
  /** As the package itself says: an SPDX expression, or words. */
  readonly licence?: string | undefined;
  /** In hexadecimal. */
  readonly sha256?: string | undefined;
  readonly sha512?: string | undefined;
}

/** All that is in the root file system and the bundle of an image, in the order of their package URLs. */
export function partsOf(context: string, inputs: string): readonly Part[] {
  const root = join(context, "rootfs");
  const parts = [
    ...debianParts(root, inputs),
    ...pythonParts(root),
    ...npmParts(join(context, "app", "THIRD_PARTY_LICENSES.txt")),
    ...nodeParts(root, inputs),
    ...goParts(join(root, "usr/local/bin/cosign")),
  ];
  return parts.toSorted((a, b) => (a.purl < b.purl ? -1 : a.purl > b.purl ? 1 : 0));
}

/** From what dpkg would know. */
function debianParts(root: string, inputs: string): readonly Part[] {
  const directory = join(root, "var/lib/dpkg/status.d");
  const hashes = new Map([...inputs.matchAll(/^(\S+) \S+ ([0-9a-f]{64})$/gm)].map(([, name, hash]) => [name, hash]));
  return list(directory).map((file) => {
    const fields = fieldsOf(readFileSync(join(directory, file), "utf8"));
    const { name, version, architecture } = Debian.parse(fields);
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`;
    return { name, version, purl, sha256: hashes.get(name) };
  });
}

const Debian = z
  .object({ Package: z.string(), Version: z.string(), Architecture: z.string() })
  .transform(({ Package: name, Version: version, Architecture: architecture }) => ({ name, version, architecture }));

function pythonParts(root: string): readonly Part[] {
  const directory = join(root, "usr/local/lib/python3.11/dist-packages");
  return list(directory)
    .filter((entry) => entry.endsWith(".dist-info"))
    .map((entry) => {
      const fields = fieldsOf(readFileSync(join(directory, entry, "METADATA"), "utf8"));
      const { name, version, licence } = Python.parse(fields);
      const normal = name.toLowerCase().replaceAll(/[-_.]+/g, "-");
      return { name, version, purl: `pkg:pypi/${normal}@${encodeURIComponent(version)}`, licence };
    });
}

const Python = z
  .object({
    Name: z.string(),
    Version: z.string(),
    "License-Expression": z.string().optional(),
    License: z.string().optional(),
  })
  .transform(({ Name: name, Version: version, License: license, "License-Expression": expression }) => ({
    name,
    version,
    licence: expression ?? license,
  }));

/** From the list of licences that goes along with the bundle: it names all that is in it, and nothing else. */
function npmParts(licences: string): readonly Part[] {
  if (!existsSync(licences)) return [];
  const locked = Lock.parse(JSON.parse(readFileSync("package-lock.json", "utf8"))).packages;
  const hashes = new Map(
    Object.entries(locked).map(([path, { version = "", integrity = "" }]) => [
      `${path.replace(/^.*node_modules\//, "")} ${version}`,
      Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex"),
    ]),
  );
  return [...readFileSync(licences, "utf8").matchAll(/^## (\S+) (\S+) \((.+)\)$/gm)].map(
    ([, name = "", version = "", licence]) => ({
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`,
      licence,
      sha512: hashes.get(`${name} ${version}`),
    }),
  );
}

const Lock = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), integrity: z.string().optional() })),
});

function nodeParts(root: string, inputs: string): readonly Part[] {
  const version = /^node (\S+)$/m.exec(inputs)?.[1];
  if (version === undefined) return [];
  const sha256 = createHash("sha256")
    .update(readFileSync(join(root, "usr/local/bin/node")))
    .digest("hex");
  return [{ name: "node", version, purl: `pkg:generic/node@${version}`, licence: "MIT", sha256 }];
}

/** The modules that a Go program says it was built from. */
function goParts(program: string): readonly Part[] {
  if (!existsSync(program)) return [];
  const sha256 = createHash("sha256").update(readFileSync(program)).digest("hex");
  const { stdout } = execaSync("go", ["version", "-m", program]);
  const lines = stdout.split("\n").map((line) => line.trim().split("\t"));
  return lines.flatMap(([kind, name, version = ""], index) => {
    if (name === undefined || (kind !== "mod" && kind !== "dep")) return [];
    // What a replace directive puts in its place is the next line.
    const [mark, replaced, instead] = lines[index + 1] ?? [];
    const [is, at] = mark === "=>" ? [replaced ?? name, instead ?? version] : [name, version];
    const purl = `pkg:golang/${is.toLowerCase()}@${encodeURIComponent(at)}`;
    return [{ name: is, version: at, purl, ...(kind === "mod" ? { sha256 } : {}) }];
  });
}

/** Of a file in the form of mail headers. */
function fieldsOf(text: string): Readonly<Record<string, string>> {
  const [head = ""] = text.split("\n\n");
  return Object.fromEntries(
    [...head.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}

function list(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
