import type { Option, Options } from "./command.ts";

/** Options that several commands share: one name, one meaning. */
export const kubeconfig = {
  type: "string",
  value: "FILE",
  complete: "file",
  help: "which cluster (default: $KUBECONFIG, else ~/.kube/config)",
} as const satisfies Option;

export const context = {
  type: "string",
  value: "NAME",
  help: "which context of the kubeconfig (default: its current one)",
} as const satisfies Option;

/** Which cluster is asked. */
export const cluster = { kubeconfig, context } as const satisfies Options;

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const namespace = {
  type: "string",
  matches: namespaceName,
  short: "n",
  value: "NAMESPACE",
  help: "the namespace (default: that of the kubeconfig's context)",
} as const satisfies Option;

export const output = {
  type: "string",
  short: "o",
  value: "FORMAT",
  choices: ["table", "json"],
  default: "table",
  help: "table or json",
} as const satisfies Option;

export const operatorNamespace = {
  type: "string",
  matches: namespaceName,
  value: "NAMESPACE",
  default: "mlsecops-system",
  help: "where the operator is installed and its Secrets are",
} as const satisfies Option;

export const secretDir = {
  type: "string",
  value: "DIR",
  complete: "directory",
  help: "Secrets that policies name, as files DIR/<secret>/<key>",
} as const satisfies Option;

export const kms = {
  type: "boolean",
  help: "read keys of key management services, with the logins of this environment",
} as const satisfies Option;

export const content = {
  type: "boolean",
  help: "also read models through, as the operator does, and judge what is in them; they may be large",
} as const satisfies Option;

/** How to reach registries, and what to verify with. */
export const registry = {
  ca: {
    type: "string",
    value: "FILE",
    complete: "file",
    help: "certificates in PEM that are trusted beside the public ones",
  },
  "docker-config": {
    type: "string",
    value: "FILE",
    complete: "file",
    help: "logins, as docker login keeps them in config.json (default: as nobody)",
  },
  cosign: {
    type: "string",
    value: "PATH",
    complete: "file",
    help: "the cosign 3 to verify with (default: the one on $PATH)",
  },
  "plain-http": {
    type: "string",
    multiple: true,
    value: "HOST",
    help: "a registry to speak to without TLS, which may then also be this machine",
  },
} as const satisfies Options;

/** Which cluster is asked, and what its policies are decided with. */
export const deciding = {
  ...cluster,
  "operator-namespace": operatorNamespace,
  "secret-dir": secretDir,
  kms,
  ...registry,
} as const satisfies Options;
