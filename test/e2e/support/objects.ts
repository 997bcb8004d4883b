import { API_VERSION } from "../../../src/api/index.ts";

/** Everything the suite makes that is not in a namespace of its own carries it. */
export const TEST_LABEL = "e2e.mlsecops.io/test";

export interface ModelOptions {
  readonly runtime: string;
  readonly spec?: object;
  readonly source?: object;
  readonly container?: object;
  readonly pod?: object;
  readonly template?: object;
  readonly managed?: object;
  readonly metadata?: object;
}

export function model(namespace: string, name: string, reference: string, options: ModelOptions): object {
  const container = {
    name: "runtime",
    image: options.runtime,
    env: [{ name: "MODEL_NAME", value: "iris" }],
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: "/v2/health/ready", port: 8080 }, periodSeconds: 1 },
    ...options.container,
  };
  return {
    apiVersion: API_VERSION,
    kind: "SecureModel",
    metadata: { name, namespace, ...options.metadata },
    spec: {
      source: { oci: { reference }, ...options.source },
      workload: {
        managed: {
          ...options.managed,
          template: {
            ...options.template,
            spec: { terminationGracePeriodSeconds: 1, ...options.pod, containers: [container] },
          },
        },
      },
      ...options.spec,
    },
  };
}

export function secureNamespace(name: string, spec: object): object {
  return {
    apiVersion: API_VERSION,
    kind: "SecureNamespace",
    metadata: { name, labels: { [TEST_LABEL]: "true" } },
    // What these tests have refused is refused by the grant: Pod Security, which is asked before, would hide it.
    spec: { profile: "serving", enforcement: "Enforce", podSecurity: "baseline", ...spec },
  };
}

export interface PolicyScope {
  readonly references: readonly string[];
  readonly namespaces?: readonly string[];
}

export function policy(name: string, scope: PolicyScope, key: object, spec: object = {}): object {
  return {
    apiVersion: API_VERSION,
    kind: "ClusterTrustPolicy",
    metadata: { name, labels: { [TEST_LABEL]: "true" } },
    spec: { scope, authorities: [{ name: "release-team", key }], ...spec },
  };
}

export function namespaceObject(name: string): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { [TEST_LABEL]: "true" } } };
}

export function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace, name, labels: { [TEST_LABEL]: "true" } },
    stringData,
  };
}

export function pullSecret(namespace: string, name: string, auths: object): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: { namespace, name, labels: { [TEST_LABEL]: "true" } },
    stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
  };
}
