import { isDeepStrictEqual } from "node:util";
import { parseAddress } from "./addresses.ts";
import type { Subject } from "./admin-policy.ts";
import { matches } from "./labels.ts";
import type {
  AdminPolicy,
  Namespace,
  NetworkPolicy,
  Pod,
  ObjectRef,
  ReachObject,
  ReferenceGrant,
  Route,
  Service,
  Unreadable,
} from "./objects.ts";
import { type ReachType, readObject } from "./read.ts";
import type { NamespaceView, World } from "./world.ts";

/** Of one namespace, by key. */
interface Bucket {
  namespace: Namespace | undefined;
  readonly pods: Map<string, Pod>;
  readonly policies: Map<string, NetworkPolicy>;
  readonly services: Map<string, Service>;
  /** That lead here, also those of other namespaces. */
  readonly routes: Map<string, Route>;
  readonly referenceGrants: Map<string, ReferenceGrant>;
  readonly unreadable: Map<string, Unreadable>;
}

/**
 * The living objects, and which namespaces a change touches. A namespace's breaches depend on what is in it, on the
 * administrators' policies that may select it, and on routes that lead into it: never on the pods or the labels of other
 * namespaces, since they are about what is allowed, not about who is there to use it.
 */
export class ReachIndex implements World {
  readonly #objects = new Map<string, ReachObject>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #adminPolicies = new Map<string, AdminPolicy>();
  readonly #unreadable = new Map<string, Unreadable>();
  readonly #podsAt = new Map<string, Map<string, Pod>>();
  readonly #servicesAt = new Map<string, Map<string, Service>>();
  readonly #views = new Map<string, NamespaceView>();

  /**
   * Keeps an object as the API server sends it. Returns the namespaces whose breaches have to be computed again: of
   * those whose Namespace is there.
   */
  put(type: ReachType, raw: unknown): readonly string[] {
    const object = readObject(type, raw);
    return object === undefined ? [] : this.#replace(slotOf(type, keyOfRef(object.ref)), object);
  }

  /** `key` is "namespace/name", or "name" for what belongs to no namespace. */
  delete(type: ReachType, key: string): readonly string[] {
    return this.#replace(slotOf(type, key), undefined);
  }

  view(name: string): NamespaceView {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const bucket = this.#buckets.get(name) ?? emptyBucket();
    const view: NamespaceView = {
      name,
      namespace: bucket.namespace,
      pods: sorted(bucket.pods),
      policies: sorted(bucket.policies),
      services: sorted(bucket.services),
      routes: sorted(bucket.routes),
      referenceGrants: sorted(bucket.referenceGrants),
      adminPolicies: sorted(this.#adminPolicies),
      unreadable: [...sorted(bucket.unreadable), ...sorted(this.#unreadable)],
    };
    // Names that nobody has are not kept: they come from people's questions.
    if (this.#buckets.has(name)) this.#views.set(name, view);
    return view;
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#buckets.get(namespace)?.pods.get(`/Pod ${namespace}/${name}`);
  }

  podAt(address: string): Pod | undefined {
    return lastOf(this.#podsAt.get(addressKey(address)));
  }

  serviceAt(address: string): Service | undefined {
    return lastOf(this.#servicesAt.get(addressKey(address)));
  }

  #replace(slot: string, next: ReachObject | undefined): readonly string[] {
    const previous = this.#objects.get(slot);
    // Most changes are of fields that are not looked at, such as a pod's conditions.
    if (previous === undefined ? next === undefined : isDeepStrictEqual(previous, next)) return [];
    const touched = new Set(previous === undefined ? [] : this.#touchedBy(previous));
    if (previous !== undefined) this.#remove(slot, previous);
    if (next !== undefined) {
      this.#add(slot, next);
      for (const name of this.#touchedBy(next)) touched.add(name);
    }
    return isSameToBreaches(previous, next) ? [] : [...touched];
  }

  #touchedBy(object: ReachObject): readonly string[] {
    switch (object.type) {
      case "Namespace":
        return [object.ref.name];
      case "NetworkPolicy":
      case "Pod":
      case "Service":
      case "ReferenceGrant":
        return [object.ref.namespace];
      case "Route":
        return object.backends.map(({ namespace }) => namespace);
      case "AdminPolicy":
        return this.#selectedBy(object.subject.namespaces);
      case "Unreadable":
        return object.ref.namespace === undefined
          ? this.#selectedBy(object.subject?.namespaces)
          : [object.ref.namespace];
    }
  }

  /** What labels a namespace had before makes no difference: its own change touches it anyway. */
  #selectedBy(selector: Subject["namespaces"] | undefined): readonly string[] {
    return [...this.#buckets].flatMap(([name, { namespace }]) =>
      selector === undefined || namespace === undefined || matches(selector, namespace.labels) ? [name] : [],
    );
  }

  #add(slot: string, object: ReachObject): void {
    this.#objects.set(slot, object);
    switch (object.type) {
      case "AdminPolicy":
        this.#adminPolicies.set(slot, object);
        this.#views.clear();
        return;
      case "Namespace":
        this.#bucket(object.ref.name).namespace = object;
        return;
      case "Unreadable":
        if (object.ref.namespace === undefined) {
          this.#unreadable.set(slot, object);
          this.#views.clear();
        } else this.#bucket(object.ref.namespace).unreadable.set(slot, object);
        return;
      case "Route":
        for (const { namespace } of object.backends) this.#bucket(namespace).routes.set(slot, object);
        return;
      case "NetworkPolicy":
        this.#bucket(object.ref.namespace).policies.set(slot, object);
        return;
      case "ReferenceGrant":
        this.#bucket(object.ref.namespace).referenceGrants.set(slot, object);
        return;
      case "Pod":
        this.#bucket(object.ref.namespace).pods.set(slot, object);
        for (const address of ownAddresses(object)) put(this.#podsAt, addressKey(address), slot, object);
        return;
      case "Service":
        this.#bucket(object.ref.namespace).services.set(slot, object);
        for (const address of object.clusterAddresses) put(this.#servicesAt, addressKey(address), slot, object);
    }
  }

  #remove(slot: string, object: ReachObject): void {
    this.#objects.delete(slot);
    const cleared = (name: string, clear: (bucket: Bucket) => void): void => {
      const bucket = this.#bucket(name);
      clear(bucket);
      if (isEmpty(bucket)) this.#buckets.delete(name);
    };
    switch (object.type) {
      case "AdminPolicy":
        this.#adminPolicies.delete(slot);
        this.#views.clear();
        return;
      case "Namespace":
        cleared(object.ref.name, (bucket) => (bucket.namespace = undefined));
        return;
      case "Unreadable":
        if (object.ref.namespace === undefined) {
          this.#unreadable.delete(slot);
          this.#views.clear();
        } else cleared(object.ref.namespace, ({ unreadable }) => unreadable.delete(slot));
        return;
      case "Route":
        for (const { namespace } of object.backends) cleared(namespace, ({ routes }) => routes.delete(slot));
        return;
      case "NetworkPolicy":
        cleared(object.ref.namespace, ({ policies }) => policies.delete(slot));
        return;
      case "ReferenceGrant":
        cleared(object.ref.namespace, ({ referenceGrants }) => referenceGrants.delete(slot));
        return;
      case "Pod":
        cleared(object.ref.namespace, ({ pods }) => pods.delete(slot));
        for (const address of ownAddresses(object)) drop(this.#podsAt, addressKey(address), slot);
        return;
      case "Service":
        cleared(object.ref.namespace, ({ services }) => services.delete(slot));
        for (const address of object.clusterAddresses) drop(this.#servicesAt, addressKey(address), slot);
    }
  }

  /** For a change: what was computed of it before is forgotten. */
  #bucket(name: string): Bucket {
    this.#views.delete(name);
    const bucket = this.#buckets.get(name) ?? emptyBucket();
    this.#buckets.set(name, bucket);
    return bucket;
  }
}

/** Addresses of pods, and names of their ports, decide about connections but not about breaches. */
function isSameToBreaches(previous: ReachObject | undefined, next: ReachObject | undefined): boolean {
  if (previous?.type !== "Pod" || next?.type !== "Pod") return false;
  const relevant = ({ labels, hostNetwork, hostPorts, finished, owner }: Pod): unknown => [
    labels,
    hostNetwork,
    hostPorts,
    finished,
    owner,
  ];
  return isDeepStrictEqual(relevant(previous), relevant(next));
}

function keyOfRef({ namespace, name }: ObjectRef): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function slotOf({ resource: { group, kind } }: ReachType, key: string): string {
  return `${group}/${kind} ${key}`;
}

/** What it has for itself: in the node's network it shares the node's, and what has finished has none. */
function ownAddresses({ hostNetwork, finished, addresses }: Pod): readonly string[] {
  return hostNetwork || finished ? [] : addresses;
}

function addressKey(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? "" : `${address.family} ${address.value}`;
}

function emptyBucket(): Bucket {
  return {
    namespace: undefined,
    pods: new Map(),
    policies: new Map(),
    services: new Map(),
    routes: new Map(),
    referenceGrants: new Map(),
    unreadable: new Map(),
  };
}

function isEmpty({ namespace, ...maps }: Bucket): boolean {
  return namespace === undefined && Object.values(maps).every(({ size }) => size === 0);
}

function put<T>(at: Map<string, Map<string, T>>, key: string, slot: string, object: T): void {
  const there = at.get(key) ?? new Map<string, T>();
  at.set(key, there.set(slot, object));
}

function drop<T>(at: Map<string, Map<string, T>>, key: string, slot: string): void {
  const there = at.get(key);
  there?.delete(slot);
  if (there?.size === 0) at.delete(key);
}

/** By key: what is said must not depend on the order in which objects came. */
function sorted<T>(objects: ReadonlyMap<string, T>): readonly T[] {
  return [...objects.keys()].sort().flatMap((key) => objects.get(key) ?? []);
}

/** The newest: an address that two have for a moment is the newer one's. */
function lastOf<T>(there: ReadonlyMap<string, T> | undefined): T | undefined {
  return there === undefined ? undefined : [...there.values()].at(-1);
}
