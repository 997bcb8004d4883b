import type { SecureNamespace } from "../api/index.ts";
import type { NamespaceReach } from "../isolation/index.ts";
import { type Change, type Clock, type Informer, type KubeObject, keyOf } from "../kube/index.ts";
import { type Excess, type ReachType, ReachIndex, excess, reachTypes } from "../reach/index.ts";
import type { Declared } from "./declarations.ts";
import { Doubt } from "./doubt.ts";
import type { Informers } from "./informers.ts";
import type { InstalledKinds } from "./served-kinds.ts";

type Watched = Pick<
  Informers,
  "namespaces" | "models" | "living" | "pods" | "networkPolicies" | "allServices" | "ingresses"
>;

/** Names of SecureNamespaces whose reachability may be another. */
export type ReachHandler = (names: readonly string[], why: { readonly pod: boolean }) => void;

export interface ReachViewOptions {
  readonly served: InstalledKinds;
  readonly declare: (namespace: SecureNamespace) => Declared;
  readonly clock: Clock;
  /** Ends with the informers. */
  readonly signal: AbortSignal;
}

interface Known {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly excess: Excess;
}

/**
 * Where the namespaces of SecureNamespaces let in or out more than is declared, from the caches. What a change cannot touch is
 * not computed again. Of other namespaces only that is kept what leads into these.
 */
export class ReachView {
  readonly #index = new ReachIndex();
  readonly #namespaces: Watched["namespaces"];
  /** Those that are part of every cluster, with their Namespaces first. */
  readonly #builtin: readonly (readonly [ReachType, Informer<KubeObject>])[];
  readonly #doubts: readonly (readonly [string, Doubt])[];
  readonly #served: InstalledKinds;
  readonly #declare: (namespace: SecureNamespace) => Declared;
  readonly #known = new Map<string, Known>();
  readonly #handlers = new Set<ReachHandler>();
  #problems = "";

  constructor(informers: Watched, { served, declare, clock, signal }: ReachViewOptions) {
    const { living, pods, networkPolicies, allServices, ingresses } = informers;
    this.#namespaces = informers.namespaces;
    this.#served = served;
    this.#declare = declare;
    this.#builtin = [living, pods, networkPolicies, allServices, ingresses].map((informer) => {
      const type = reachTypes.find(({ builtin, resource }) => builtin && resource.kind === informer.type.kind);
      if (type === undefined) throw new Error(`${informer.type.kind} has no say in who reaches whom`);
      return [type, informer as unknown as Informer<KubeObject>] as const;
    });
    this.#doubts = this.#builtin.map(([{ resource }, informer]) => [
      resource.plural,
      new Doubt(informer, { clock, signal, onChange: () => this.#doubted() }),
    ]);
    informers.namespaces.onChange((change) => this.#secured(change));
    for (const [type, informer] of this.#builtin)
      informer.onChange((change) => {
        if (this.#isSecured(namespaceOf(type, change.object))) this.#changed(type, change);
      });
    informers.models.onChange(({ object, previous }) => {
      // What imports models needs traffic of its own.
      if (object.metadata.generation !== previous?.metadata.generation)
        this.#touch([object.metadata.namespace ?? ""], { pod: false });
    });
    served.follow({ changed: (type, change) => this.#changed(type, change), doubted: () => this.#doubted() });
  }

  /** Also what is not known: then nothing that is not among the breaches is proven. */
  reach(namespace: SecureNamespace): NamespaceReach {
    const { name, uid, generation } = namespace.metadata;
    const known = this.#known.get(name);
    const isValid = known !== undefined && known.uid === uid && known.generation === generation;
    const found = isValid ? known.excess : this.#excess(namespace);
    if (!isValid && this.#isSecured(name)) this.#known.set(name, { uid, generation, excess: found });
    return { excess: found, unknown: this.#unknown() };
  }

  /** All is to be computed again: the cluster's network has learned something. */
  refresh(): void {
    this.#touch(this.#namespaces.store.keys(), { pod: false });
  }

  onChange(handler: ReachHandler): void {
    this.#handlers.add(handler);
  }

  #excess(namespace: SecureNamespace): Excess {
    const { name } = namespace.metadata;
    const { declaration, ownPolicies } = this.#declare(namespace);
    const { breaches, total } = excess(this.#index.view(name), declaration);
    const others = breaches.filter(
      ({ reason, object }) =>
        !(reason === "PolicyUnreadable" && object.kind === "CiliumNetworkPolicy" && ownPolicies.has(object.name)),
    );
    return { breaches: others, total: total - (breaches.length - others.length) };
  }

  #unknown(): readonly string[] {
    const unread = this.#doubts.flatMap(([name, doubt]) => doubt.problem(name) ?? []);
    return [...unread, ...this.#served.problems()];
  }

  #isSecured(name: string): boolean {
    return this.#namespaces.store.get(name) !== undefined;
  }

  /** What is in a namespace is looked at from when it is secured. */
  #secured({ type, object }: Change<SecureNamespace>): void {
    const { name } = object.metadata;
    if (type === "updated") return;
    // Whoever declares it as a peer declares nothing as long as it is not there.
    const naming = this.#namespaces.store.list().filter(({ spec }) => JSON.stringify(spec).includes(`"${name}"`));
    this.#known.delete(name);
    this.#touch(
      naming.map(({ metadata }) => metadata.name),
      { pod: false },
    );
    for (const [reachType, informer] of this.#builtin) {
      const living = informer.store.get(name);
      const objects = reachType.resource.namespaced ? informer.store.list(name) : living === undefined ? [] : [living];
      for (const one of objects)
        if (type === "added") this.#index.put(reachType, one);
        else this.#index.delete(reachType, keyOf(one));
    }
  }

  #changed(reachType: ReachType, { type, object }: Change<KubeObject>): void {
    const touched =
      type === "deleted" ? this.#index.delete(reachType, keyOf(object)) : this.#index.put(reachType, object);
    this.#touch(touched, { pod: reachType.resource.kind === "Pod" });
  }

  #touch(names: readonly string[], why: { readonly pod: boolean }): void {
    for (const name of names) this.#known.delete(name);
    this.#tell(
      names.filter((name) => this.#isSecured(name)),
      why,
    );
  }

  #doubted(): void {
    const problems = this.#unknown().join("\n");
    if (problems === this.#problems) return;
    this.#problems = problems;
    this.#tell(this.#namespaces.store.keys(), { pod: false });
  }

  #tell(names: readonly string[], why: { readonly pod: boolean }): void {
    if (names.length > 0) for (const handler of this.#handlers) handler(names, why);
  }
}

function namespaceOf({ resource }: ReachType, { metadata }: KubeObject): string {
  return resource.namespaced ? (metadata.namespace ?? "") : metadata.name;
}
