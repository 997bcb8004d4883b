/** A ConfigMap as the API server would send it. */
export interface ConfigMap {
  readonly apiVersion: "v1";
  readonly kind: "ConfigMap";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly data: Readonly<Record<string, string>>;
}

export interface CollectionEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly object: ConfigMap;
}

export interface Page {
  readonly items: readonly ConfigMap[];
  readonly version: number;
  /** To be given back for the next page. */
  readonly token: string;
}

/** The ConfigMaps of a namespace, with the history that an API server keeps of them. */
export class Collection {
  readonly #namespace: string;
  readonly #objects = new Map<string, ConfigMap>();
  #onEvent: (event: CollectionEvent) => void = () => undefined;
  /** The rest of lists under way, by token. */
  readonly #rests = new Map<string, { readonly items: readonly ConfigMap[]; readonly version: number }>();
  #history: CollectionEvent[] = [];
  #version = 100;
  #oldest = 100;
  #made = 0;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get version(): number {
    return this.#version;
  }

  onEvent(listener: (event: CollectionEvent) => void): void {
    this.#onEvent = listener;
  }

  objects(): readonly ConfigMap[] {
    return [...this.#objects.values()];
  }

  /** Makes the object or changes it. */
  put(name: string): void {
    const before = this.#objects.get(name);
    const uid = before?.metadata.uid ?? `uid-${(this.#made += 1)}`;
    this.#record(before === undefined ? "ADDED" : "MODIFIED", name, uid);
  }

  delete(name: string): void {
    const before = this.#objects.get(name);
    if (before !== undefined) this.#record("DELETED", name, before.metadata.uid);
  }

  /** What happened after that version; undefined when that was forgotten. */
  since(version: number): readonly CollectionEvent[] | undefined {
    if (version < this.#oldest) return undefined;
    return this.#history.filter((event) => event.version > version);
  }

  /** The last ones up to a version. */
  last(count: number, upTo: number): readonly CollectionEvent[] {
    return this.#history.filter(({ version }) => version <= upTo).slice(-count);
  }

  forget(): void {
    this.#history = [];
    this.#oldest = this.#version;
    this.expireTokens();
  }

  expireTokens(): void {
    this.#rests.clear();
  }

  /** Undefined when the token is not known any more. All pages of a list are of the moment of the first. */
  page(limit: number, token: string | null): Page | undefined {
    const all = token === null ? { items: this.objects(), version: this.#version } : this.#rests.get(token);
    if (all === undefined) return undefined;
    const items = all.items.slice(0, limit);
    const rest = all.items.slice(limit);
    if (rest.length === 0) return { items, version: all.version, token: "" };
    const next = `${all.version}-${(this.#made += 1)}`;
    this.#rests.set(next, { items: rest, version: all.version });
    return { items, version: all.version, token: next };
  }

  #record(type: CollectionEvent["type"], name: string, uid: string): void {
    this.#version += 1;
    const object: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: this.#namespace, uid, resourceVersion: String(this.#version) },
      data: { version: String(this.#version) },
    };
    if (type === "DELETED") this.#objects.delete(name);
    else this.#objects.set(name, object);
    const event = { type, version: this.#version, object };
    this.#history.push(event);
    this.#onEvent(event);
  }
}
