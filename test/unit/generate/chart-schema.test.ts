import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse } from "yaml";

const chart = new URL("../../../charts/mlsecops-operator/", import.meta.url);
const read = async (file: string) => parse(await readFile(new URL(file, chart), "utf8")) as unknown;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

describe("the schema of the chart's values", () => {
  let root: Schema;
  let values: unknown;

  before(async () => {
    [root, values] = [(await read("values.schema.json")) as Schema, await read("values.yaml")];
  });

  function resolve(schema: Schema): Schema {
    const name = schema.$ref?.split("/").at(-1);
    return name === undefined ? schema : (root.definitions?.[name] ?? assert.fail(`no definition ${name}`));
  }

  /** Whoever sets a default to null takes it away; the templates read all of them. */
  it("knows every default, and asks for each", () => {
    const missing: string[] = [];
    const look = (value: unknown, unresolved: Schema, path: string): void => {
      const schema = resolve(unresolved);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return;
      for (const [key, below] of Object.entries(value)) {
        const found = schema.properties?.[key];
        const isFree = typeof schema.additionalProperties === "object" || path === ".resources";
        if (found === undefined && !isFree) missing.push(`${path}.${key} is not known`);
        if (!isFree && schema.required?.includes(key) !== true) missing.push(`${path}.${key} is not required`);
        if (found !== undefined) look(below, found, `${path}.${key}`);
      }
    };
    look(values, root, "");
    assert.deepEqual(missing, []);
  });

  it("lets nothing through that it does not know, but in what Kubernetes itself checks", () => {
    const open: string[] = [];
    const look = (unresolved: Schema, path: string): void => {
      const schema = resolve(unresolved);
      if (schema.type === "object" && schema.additionalProperties === undefined) open.push(path);
      if (typeof schema.additionalProperties === "object") look(schema.additionalProperties, `${path}.*`);
      if (schema.items !== undefined) look(schema.items, `${path}[]`);
      for (const [key, below] of Object.entries(schema.properties ?? {})) look(below, `${path}.${key}`);
    };
    look(root, "");
    assert.deepEqual(open.sort(), [
      ".affinity.nodeAffinity",
      ".affinity.podAffinity",
      ".affinity.podAntiAffinity",
      ".extraEnv[].valueFrom.configMapKeyRef",
      ".extraEnv[].valueFrom.fieldRef",
      ".extraEnv[].valueFrom.resourceFieldRef",
      ".extraEnv[].valueFrom.secretKeyRef",
      ".extraVolumes[]",
      ".global",
    ]);
  });
});
