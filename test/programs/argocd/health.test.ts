import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { kinds } from "../../../src/api/index.ts";

const settings = fileURLToPath(new URL("../../../manifests/argocd/argocd-cm.yaml", import.meta.url));

const ready = (status: string, reason: string, more: readonly object[] = []) => [
  { type: "Ready", status, reason, message: "because", observedGeneration: 1 },
  ...more,
];
const reconciling = { type: "Reconciling", status: "True", reason: "a", message: "b" };
const stalled = { type: "Stalled", status: "True", reason: "a", message: "b" };
const of = (kind: string, status: object | undefined, spec: object = {}) => ({
  apiVersion: "mlsecops.io/v1alpha1",
  kind,
  metadata: { name: "a", namespace: "b", generation: 1 },
  spec,
  ...(status === undefined ? {} : { status }),
});
const seen = (conditions: readonly object[], more: object = {}) => ({ observedGeneration: 1, conditions, ...more });

const judged: readonly (readonly [ReturnType<typeof of>, RegExp])[] = [
  [of("SecureModel", undefined), /Progressing/],
  [of("SecureModel", seen(ready("True", "Serving"))), /Healthy[^]*Serving: because/],
  [of("SecureModel", { ...seen(ready("True", "Serving")), observedGeneration: 0 }), /Progressing/],
  [of("SecureModel", seen(ready("False", "RollingOut", [reconciling]))), /Progressing[^]*RollingOut/],
  [of("SecureModel", seen(ready("False", "Importing", [reconciling]))), /Progressing[^]*Importing/],
  [of("SecureModel", seen(ready("False", "NoSignature", [stalled]))), /Degraded[^]*NoSignature/],
  [of("SecureModel", seen(ready("False", "RegistryUnavailable", [reconciling]))), /Progressing/],
  [of("SecureModel", seen(ready("False", "RegistryUnavailable", [reconciling]), { quarantine: {} })), /Degraded/],
  [of("SecureModel", seen(ready("False", "RolledBack", [stalled]))), /Degraded/],
  [of("SecureModel", seen(ready("False", "CoolingDown", [reconciling]))), /Degraded/],
  [of("SecureModel", seen(ready("False", "Latched", [stalled]))), /Suspended/],
  [of("SecureModel", seen(ready("False", "WaitsForApproval", [reconciling]))), /Suspended/],
  [of("SecureModel", seen(ready("False", "Paused", [reconciling]))), /Suspended/],
  [of("SecureModel", seen(ready("True", "Serving")), { suspend: true }), /Suspended/],
  [of("SecureNamespace", undefined), /Progressing/],
  [of("SecureNamespace", seen(ready("True", "Enforced"))), /Healthy/],
  [of("SecureNamespace", seen(ready("False", "NotLabelled", [reconciling]))), /Progressing/],
  [of("SecureNamespace", seen(ready("False", "WallsIncomplete"))), /Progressing/],
  [of("SecureNamespace", seen(ready("False", "IsolationBreached"))), /Degraded/],
  [
    of("SecureNamespace", seen(ready("False", "ImagesNotVerified", [{ type: "ImagesVerified", status: "Unknown" }]))),
    /Progressing/,
  ],
  [
    of("SecureNamespace", seen(ready("False", "ImagesNotVerified", [{ type: "ImagesVerified", status: "False" }]))),
    /Degraded/,
  ],
  [of("SecureNamespace", undefined, { suspend: true }), /Suspended/],
  [of("ClusterTrustPolicy", seen(ready("True", "KeysResolved"))), /Healthy/],
  [of("ClusterTrustPolicy", seen(ready("False", "KeysUnusable"))), /Degraded/],
  [
    of(
      "ClusterTrustPolicy",
      seen(ready("True", "KeysResolved", [{ type: "TrustFresh", status: "False", reason: "Expired", message: "b" }])),
    ),
    /Degraded[^]*Expired/,
  ],
  [of("ClusterTrustPolicy", undefined, { suspend: true }), /Suspended/],
  [of("ModelRevision", { phase: "Active" }), /Healthy/],
  [of("ModelRevision", { phase: "Candidate" }), /Progressing/],
  [of("ModelRevision", { phase: "Quarantined" }), /Degraded/],
  [of("ModelRevision", { phase: "RolledBack", ban: { reason: "SignalBad", message: "b" } }), /Degraded[^]*SignalBad/],
  [of("ModelAction", seen(ready("True", "InForce"))), /Healthy/],
  [of("ModelAction", seen(ready("False", "ActionExpired"))), /Healthy/],
  [of("ModelAction", seen(ready("False", "InvalidSpec"))), /Degraded/],
  [of("AdmissionGrant", undefined, { digests: { a: {}, b: {} } }), /Healthy[^]*2 digests/],
];

describe("what Argo CD makes of our kinds", function () {
  this.timeout(60_000);
  let home: string;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), "argocd-"));
  });
  after(() => rm(home, { recursive: true }));

  async function health(object: object, name: string): Promise<string> {
    const file = join(home, name);
    await writeFile(file, JSON.stringify(object));
    const asked = ["admin", "settings", "resource-overrides", "health", file, "--argocd-cm-path", settings];
    const { stdout } = await execa("argocd", asked, { env: { HOME: home } });
    return stdout;
  }

  for (const { resource } of kinds)
    it(`is said of ${resource.kind}`, async () => {
      const mine = judged.filter(([object]) => object.kind === resource.kind);
      assert.ok(mine.length > 0);
      const said = await Promise.all(mine.map(([object], at) => health(object, `${resource.kind}-${at}.yaml`)));
      for (const [at, [object, expected]] of mine.entries())
        assert.match(said[at] ?? "", expected, JSON.stringify(object));
    });
});
