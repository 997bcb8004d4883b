import type { Answer } from "../ask.ts";

/** What was asked of a cluster that answers, without an opinion. */
export interface Facts {
  readonly version: Version;
  /** Whether the API server has the feature gate ImageVolume on. Absent where it is not asked or the server does not say. */
  readonly imageVolumeGate: Answer<boolean>;
  /** The kinds that admissionregistration.k8s.io/v1 serves. */
  readonly admissionKinds: Answer<readonly string[]>;
  readonly definitions: Answer<readonly Definition[]>;
  readonly rights: readonly Right[];
  readonly nodes: Answer<readonly NodeFacts[]>;
  readonly dns: Answer<{ readonly services: readonly string[]; readonly readyEndpoints: number }>;
  /** The DaemonSets of kube-system. */
  readonly daemonSets: Answer<readonly string[]>;
}

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly name: string;
}

export interface Definition {
  readonly plural: string;
  readonly group: string;
  readonly served: readonly string[];
}

export interface Right {
  /** For people: "create clusterroles.rbac.authorization.k8s.io". */
  readonly name: string;
  readonly allowed: Answer<boolean>;
}

export interface NodeFacts {
  readonly name: string;
  readonly ready: boolean;
  /** As the node reports it: "containerd://2.1.4". */
  readonly runtime: string;
}
