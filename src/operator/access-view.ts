import {
  type AccessFindings,
  type BindingObject,
  type ExpectedSubjects,
  type RoleObject,
  accessFindings,
  dangerousRules,
} from "../access/index.ts";
import type { OperatorIdentity } from "../admission/index.ts";
import { type SecureNamespace, secureNamespace } from "../api/index.ts";
import type { Clock, Informer, KubeObject, Timer } from "../kube/index.ts";
import { parsedOnce } from "./parsed-once.ts";

export interface AccessInformers {
  readonly namespaces: Pick<Informer<SecureNamespace>, "store" | "onChange">;
  readonly bindings: Followed<BindingObject>;
  readonly roles: Followed<RoleObject>;
  readonly clusterRoles: Followed<RoleObject>;
  readonly clusterRoleBindings: Followed<BindingObject>;
}

type Followed<T extends KubeObject> = Pick<Informer<T>, "store" | "onChange" | "synced" | "health">;

export interface AccessViewOptions {
  readonly identity: OperatorIdentity;
  readonly expected: ExpectedSubjects;
  readonly clock: Clock;
  /** An informer that heard nothing for so many milliseconds knows nothing. */
  readonly deafAfterMs: number;
}

/** Whoever installs something writes many ClusterRoles at once; all SecureNamespaces are looked at for all of them together. */
const settleMs = 300;

/** Who may do more in each namespace than its SecureNamespace says, as the caches stand now. */
export class AccessView {
  readonly #informers: AccessInformers;
  readonly #options: AccessViewOptions;
  readonly #parse = parsedOnce(secureNamespace);
  /** By namespace, what was said last: only what differs from it is news. */
  readonly #told = new Map<string, string>();
  #timer: Timer;
  #armed = false;

  constructor(informers: AccessInformers, options: AccessViewOptions) {
    this.#informers = informers;
    this.#options = options;
  }

  /** Undefined where RBAC, or the namespace's spec, cannot be read now. */
  of(namespace: string): AccessFindings | undefined {
    const found = this.#look(namespace);
    if (found !== undefined) this.#told.set(namespace, JSON.stringify(found));
    return found;
  }

  /** Calls `wake` for each namespace of which something else is to be said than was said last. May be called once. */
  onNews(wake: (namespace: string) => void): void {
    const { namespaces, bindings, roles, clusterRoles, clusterRoleBindings } = this.#informers;
    const tell = (namespace: string) => {
      const told = this.#told.get(namespace);
      if (told !== undefined && told !== JSON.stringify(this.#look(namespace))) wake(namespace);
    };
    for (const informer of [bindings, roles])
      informer.onChange(({ object }: { readonly object: KubeObject }) => tell(object.metadata.namespace ?? ""));
    const settle = () => {
      this.#armed = false;
      for (const namespace of this.#told.keys()) tell(namespace);
    };
    for (const informer of [clusterRoles, clusterRoleBindings])
      informer.onChange(() => {
        if (this.#armed) return;
        this.#armed = true;
        this.#timer = this.#options.clock.setTimeout(settle, settleMs);
      });
    namespaces.onChange(({ type, object }) => {
      if (type === "deleted") this.#told.delete(object.metadata.name);
    });
  }

  /** Forgets what waits to be told. */
  close(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  #look(name: string): AccessFindings | undefined {
    const { namespaces, bindings, roles, clusterRoles, clusterRoleBindings } = this.#informers;
    const { deafAfterMs, ...whom } = this.#options;
    const isKnown = [bindings, roles, clusterRoles, clusterRoleBindings].every(
      (informer) => informer.synced() && informer.health(deafAfterMs).healthy,
    );
    const raw = namespaces.store.get(name);
    const parsed = raw === undefined ? undefined : this.#parse(raw);
    if (!isKnown || parsed?.ok !== true) return undefined;
    return accessFindings(
      {
        roleBindings: bindings.store.list(name),
        clusterRoleBindings: clusterRoleBindings.store.list(),
        rules: (kind, role) => {
          const found = kind === "Role" ? roles.store.get(`${name}/${role}`) : clusterRoles.store.get(role);
          return found?.rules ?? undefined;
        },
      },
      { ...whom, spec: parsed.value.spec },
    );
  }
}

/** Of a role, what its store needs, and the rules that matter: a cluster may have thousands of them. */
export function leanRole({ metadata, rules }: RoleObject): RoleObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    rules: dangerousRules(rules ?? []),
  };
}
