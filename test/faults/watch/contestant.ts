import type { KubeConfig } from "@kubernetes/client-node";

/** What a watcher believes to be there. */
export interface Believed {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface Watching {
  /** By what it told whoever listens to it. */
  believes(): readonly Believed[];
  /** What contradicts itself in what it told; empty is well. */
  contradictions(): readonly string[];
  stop(): void;
}

/** Who follows a collection. */
export interface Contestant {
  readonly name: string;
  watch(kubeConfig: KubeConfig, namespace: string): Watching;
}

interface Named {
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };
}

export function believed({ metadata }: Named): Believed {
  return { name: metadata?.name ?? "", uid: metadata?.uid ?? "", resourceVersion: metadata?.resourceVersion ?? "" };
}
