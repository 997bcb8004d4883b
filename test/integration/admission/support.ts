import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { crdOf } from "../../../src/api/generate/crd.ts";
import { kinds } from "../../../src/api/index.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly ok: boolean;
  readonly output: string;
}

export interface Call {
  readonly as?: string;
  readonly input?: unknown;
}

/** Runs kubectl against the cluster that KUBECONFIG names. */
export async function kubectl(args: readonly string[], { as, input }: Call = {}): Promise<Answer> {
  if (process.env["KUBECONFIG"] === undefined) throw new Error("these tests need a cluster: set KUBECONFIG");
  const result = await execa("kubectl", [...(as === undefined ? [] : ["--as", as]), ...args], {
    reject: false,
    all: true,
    input: input === undefined ? "" : JSON.stringify(input),
  });
  return { ok: result.exitCode === 0, output: result.all };
}

export async function must(args: readonly string[], call: Call = {}): Promise<string> {
  const answer = await kubectl(args, call);
  if (!answer.ok) throw new Error(`kubectl ${args.join(" ")}: ${answer.output}`);
  return answer.output;
}

export function apply(objects: readonly unknown[], as?: string): Promise<string> {
  return must(["apply", "--server-side", "--force-conflicts", "-f", "-"], {
    input: { apiVersion: "v1", kind: "List", items: objects },
    ...(as === undefined ? {} : { as }),
  });
}

export async function installCrds(): Promise<void> {
  await apply(kinds.map(crdOf));
  await must([
    "wait",
    "--for=condition=Established",
    "--timeout=60s",
    ...kinds.map((kind) => `crd/${kind.resource.plural}.${kind.resource.group}`),
  ]);
}

/** Policies, labels and parameters reach the admission chain a moment after they were written. */
export async function eventually(what: string, holds: () => Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export function randomName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString("hex")}`;
}

export function digest(character: string): string {
  return `sha256:${character.repeat(64)}`;
}

export function image(character: string): string {
  return `registry.example.com/image@${digest(character)}`;
}
