import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

/** One line of the table: what was measured, here and at the peer, and what is aimed at. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  /** Or why there is no figure. */
  readonly theirs: string;
  readonly aim: string;
  /** The same as numbers, and what else was seen. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export function machine(): Readonly<Record<string, unknown>> {
  const [first] = cpus();
  return {
    date: new Date().toISOString(),
    commit: lineOf("git", ["rev-parse", "--short", "HEAD"]),
    cpus: `${cpus().length} × ${first?.model.trim() ?? "unknown"}`,
    memoryGiB: Number((totalmem() / 1024 ** 3).toFixed(1)),
    kernel: `${release()} ${arch()}`,
    node: process.version,
    cosign: /v\d+\.\d+\.\d+/.exec(lineOf("cosign", ["version"]))?.[0] ?? "unknown",
    kubernetes: /v\d+\.\d+\.\d+/.exec(lineOf("kube-apiserver", ["--version"]))?.[0] ?? "unknown",
    policyController: peerVersion("policy-controller", "sigstore/policy-controller"),
    argoRollouts: peerVersion("argo-rollouts", "argoproj/argo-rollouts"),
    flagger: peerVersion("flagger", "fluxcd/flagger"),
    loadAverage: loads(),
  };
}

/** Others may use the machine too: a figure is worth what this says. */
export function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(" ");
}

export function tableOf(rows: readonly Row[]): string {
  const cells = [
    ["what", "ours", "theirs", "aim"],
    ...rows.map(({ what, ours, theirs, aim }) => [what, ours, theirs, aim]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

export async function keep(directory: string, name: string, content: object): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name}.json`), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** Fewer digits the larger it is: nothing here is exact to more than three. */
export function short(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 10 ? 1 : 2);
}

function lineOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}

/** As its pin says. */
function peerVersion(tool: string, module: string): string {
  const text = readFileSync(new URL(`../../../tools/${tool}/go.mod`, import.meta.url), "utf8");
  return new RegExp(`github.com/${module} (v\\S+)`).exec(text)?.[1] ?? "unknown";
}
