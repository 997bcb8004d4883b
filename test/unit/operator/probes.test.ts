import assert from "node:assert/strict";
import type { SecureModel } from "../../../src/api/index.ts";
import { probesFrom } from "../../../src/operator/probes.ts";

const origin = { namespace: "mlsecops-system", podLabels: { "app.kubernetes.io/name": "mlsecops-operator" } };

describe("where a model's pods are asked from", () => {
  for (const [signal, isAsked] of [
    [{ name: "golden", probe: { path: "/" } }, true],
    [{ name: "same", agreement: { path: "/", bodies: ["{}"], json: ["a"] }, min: 1 }, true],
    [{ name: "errors", inference: "ErrorRatio", max: 1 }, false],
    [{ name: "load", prometheus: { query: "up" }, max: 1 }, false],
  ] as const)
    it(`${isAsked ? "is let in" : "stays out"} for ${signal.name}`, () => {
      const model = { metadata: { name: "iris" }, spec: { health: { signals: [signal] } } } as unknown as SecureModel;
      const from = probesFrom({ list: (namespace) => (namespace === "shop" ? [model] : []) }, origin);
      assert.deepEqual(from("shop"), isAsked ? origin : undefined);
      assert.equal(from("other"), undefined);
    });
});
