import { type ClusterTrustPolicy, clusterTrustPolicy, sourceReference } from "../api/index.ts";
import {
  type KmsLookup,
  type ResolvedPolicy,
  covers,
  kmsKeysOf,
  secretsOf,
  parseReference,
  resolvePolicy,
  unreadablePolicy,
} from "../trust/index.ts";
import type { Informers } from "./informers.ts";
import { parsedOnce } from "./parsed-once.ts";

/** The trust policies as they stand in the caches now, with their keys in hand. */
export class TrustView {
  readonly #informers: Informers;
  readonly #kmsKey: KmsLookup;
  readonly #parse = parsedOnce(clusterTrustPolicy);
  readonly #resolved = new Map<string, { readonly basis: string; readonly policy: ResolvedPolicy }>();

  constructor(informers: Informers, kmsKey: KmsLookup) {
    this.#informers = informers;
    this.#kmsKey = kmsKey;
  }

  policies(): readonly ResolvedPolicy[] {
    return this.#informers.policies.store.keys().flatMap((name) => this.policy(name) ?? []);
  }

  policy(name: string): ResolvedPolicy | undefined {
    const raw = this.#informers.policies.store.get(name);
    if (raw === undefined) {
      this.#resolved.delete(name);
      return undefined;
    }
    const parsed = this.#parse(raw);
    if (!parsed.ok) return unreadablePolicy(name, raw.metadata.generation ?? 0, parsed.message);
    const policy = parsed.value;
    const secrets = secretsOf(policy).map((secret) => this.#secret(secret));
    const keys = kmsKeysOf(policy).map((uri) => this.#kmsKey(uri));
    // Reading certificates and compiling conditions takes milliseconds, and every pass needs every policy.
    const basis = JSON.stringify([
      [raw.metadata.uid, raw.metadata.resourceVersion],
      secrets.map((secret) => [secret?.metadata.uid, secret?.metadata.resourceVersion]),
      keys,
    ]);
    const known = this.#resolved.get(name);
    if (known?.basis === basis) return known.policy;
    const resolved = resolvePolicy(policy, { secret: (secret) => this.#secret(secret)?.data, kmsKey: this.#kmsKey });
    this.#resolved.set(name, { basis, policy: resolved });
    return resolved;
  }

  /** Policies that name this key of a key management service. */
  policiesWithKmsKey(uri: string): readonly string[] {
    return this.#policiesThat((policy) => kmsKeysOf(policy).includes(uri));
  }

  /** Policies that take something from this Secret of the operator's namespace. */
  policiesWithSecret(secret: string): readonly string[] {
    return this.#policiesThat((policy) => secretsOf(policy).includes(secret));
  }

  #secret(name: string) {
    return this.#informers.keySecrets.store.list().find(({ metadata }) => metadata.name === name);
  }

  #policiesThat(holds: (policy: ClusterTrustPolicy) => boolean): readonly string[] {
    return this.#informers.policies.store.list().flatMap((raw) => {
      const parsed = this.#parse(raw);
      return parsed.ok && holds(parsed.value) ? [raw.metadata.name] : [];
    });
  }

  /** Keys of the models whose verdict rests on the policy, or on which it has a say now. */
  modelsOf(policyName: string): readonly string[] {
    const { models } = this.#informers;
    const policy = this.policy(policyName);
    const resting = models.store.byIndex("policy", policyName);
    const covered = models.store.list().filter((model) => {
      const parsed = parseReference(sourceReference(model.spec.source) ?? "");
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
