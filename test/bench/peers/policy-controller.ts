import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { PublicKey } from "../../../src/trust/index.ts";
import { throughputOf, type Throughput } from "../support/measure.ts";

/** A ClusterImagePolicy for every image. One authority that vouches is enough for it. */
export function keyPolicy(keys: readonly PublicKey[]): object {
  return {
    apiVersion: "policy.sigstore.dev/v1beta1",
    kind: "ClusterImagePolicy",
    metadata: { name: "bench" },
    spec: {
      images: [{ glob: "**" }],
      authorities: keys.map(({ pem }, index) => ({
        name: `key-${index}`,
        key: { hashAlgorithm: "sha256", data: pem },
      })),
    },
  };
}

const Report = z.object({
  seconds: z.number(),
  millis: z.array(z.number()),
  failed: z.number(),
  error: z.string().optional(),
});

export interface PeerLoad {
  readonly policy: object;
  readonly references: readonly string[];
  readonly workers: number;
  readonly count: number;
}

/** Verifies by what its webhook calls, in one process whose start is not counted. Throws if anything was refused. */
export async function verifyWithPeer({ policy, references, workers, count }: PeerLoad): Promise<Throughput> {
  const directory = await mkdtemp(join(tmpdir(), "bench-peer-"));
  try {
    const file = join(directory, "policy.json");
    await writeFile(file, JSON.stringify(policy));
    const args = [`-policy=${file}`, `-workers=${workers}`, `-count=${count}`];
    const { stdout } = await execa("policy-controller-verify", args, {
      input: references.join("\n"),
      env: { HOME: directory },
    });
    const report = Report.parse(JSON.parse(stdout));
    if (report.failed > 0) throw new Error(`policy-controller refused ${report.failed}: ${report.error ?? ""}`);
    return throughputOf(report.millis, report.seconds);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
