import { type SecureModel, SecureModelSpec, type SecureModelStatus } from "../../../src/api/index.ts";

export const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
export const time = (minute: number) => new Date(Date.parse("2026-01-01T00:00:00Z") + minute * 60_000).toISOString();

export function modelOf(notifications: readonly object[] = [], name = "iris"): SecureModel {
  return {
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 3 },
    spec: SecureModelSpec.parse({
      source: { oci: { reference: "registry.example/models/iris:v1" } },
      workload: {
        managed: { template: { spec: { containers: [{ name: "runtime", image: `r.example/r@${digest(9)}` }] } } },
      },
      notifications,
    }),
  };
}

type Condition = NonNullable<SecureModelStatus["conditions"]>[number];

export function condition(type: string, status: Condition["status"], reason: string, minute = 0): Condition {
  return { type, status, reason, message: `${type} is ${status}`, lastTransitionTime: time(minute) };
}

export function pointer(revision: string, n = 1, minute = 0) {
  return { revision, digest: digest(n), since: time(minute) };
}

/** A model whose first revision serves and is well. */
export const serving: SecureModelStatus = {
  conditions: [condition("Ready", "True", "Serving"), condition("Healthy", "True", "SignalsGood")],
  verdict: { outcome: "Verified", reason: "Verified", message: "signed", digest: digest(1) },
  active: pointer("iris-a"),
};

export const rolledBack: SecureModelStatus = {
  ...serving,
  conditions: [condition("Ready", "False", "RolledBack", 5), condition("Healthy", "True", "SignalsGood")],
  rollback: { from: "iris-b", to: "iris-a", since: time(5), reason: "SignalBad", message: "errors is 0.5" },
};
