import { clusterTrustPolicy, parseObject } from "../api/index.ts";
import {
  type ResolvedPolicy,
  covers,
  keySecretsOf,
  parseReference,
  resolvePolicy,
  unreadablePolicy,
} from "../trust/index.ts";
import type { Informers } from "./informers.ts";

/** The trust policies as they stand in the caches now, with their keys in hand. */
export class TrustView {
  readonly #informers: Informers;

  constructor(informers: Informers) {
    this.#informers = informers;
  }

  policies(): readonly ResolvedPolicy[] {
    return this.#informers.policies.store.keys().flatMap((name) => this.policy(name) ?? []);
  }

  policy(name: string): ResolvedPolicy | undefined {
    const raw = this.#informers.policies.store.get(name);
    if (raw === undefined) return undefined;
    const parsed = parseObject(clusterTrustPolicy, raw);
    if (!parsed.ok) return unreadablePolicy(name, raw.metadata.generation ?? 0, parsed.message);
    const namespace = this.#informers.keySecrets;
    return resolvePolicy(
      parsed.value,
      (secret) => namespace.store.list().find((one) => one.metadata.name === secret)?.data,
    );
  }

  /** Policies that take a key from this Secret of the operator's namespace. */
  policiesWithSecret(secret: string): readonly string[] {
    return this.#informers.policies.store.list().flatMap((raw) => {
      const parsed = parseObject(clusterTrustPolicy, raw);
      return parsed.ok && keySecretsOf(parsed.value).includes(secret) ? [raw.metadata.name] : [];
    });
  }

  /** Keys of the models whose verdict rests on the policy, or on which it has a say now. */
  modelsOf(policyName: string): readonly string[] {
    const { models } = this.#informers;
    const policy = this.policy(policyName);
    const resting = models.store.byIndex("policy", policyName);
    const covered = models.store.list().filter((model) => {
      const parsed = parseReference(model.spec.source.oci.reference);
      return policy !== undefined && parsed.ok && covers(policy, model.metadata.namespace ?? "", parsed.reference.name);
    });
    return [...new Set([...resting, ...covered].map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`))];
  }

  /** Names of the SecureNamespaces with an allowed image that the policy has, or had, a say in. */
  namespacesOf(policyName: string): readonly string[] {
    const policy = this.policy(policyName);
    return this.#informers.namespaces.store.list().flatMap((namespace) => {
      const name = namespace.metadata.name;
      const rests = namespace.status?.images?.some((image) =>
        image.verdict.policies?.some((used) => used.name === policyName),
      );
      const covered = namespace.spec.allowedImages.some((image) => {
        const parsed = parseReference(image.reference);
        return policy !== undefined && parsed.ok && covers(policy, name, parsed.reference.name);
      });
      return rests === true || covered ? [name] : [];
    });
  }
}
