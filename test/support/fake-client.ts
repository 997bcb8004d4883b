import {
  type ApplyOptions,
  type CreateOptions,
  type JsonPatchOperation,
  type KubeObject,
  type ListOptions,
  type ObjectKey,
  type ResourceType,
  type Transport,
  KubeError,
  ObjectClient,
  formatKey,
} from "../../src/kube/index.ts";

type Tree = Record<string, unknown>;

/** Objects in memory; keeps a line for each write. */
export class FakeClient extends ObjectClient {
  readonly objects = new Map<string, KubeObject>();
  readonly writes: string[] = [];
  /** Pods whose eviction is refused. */
  readonly budgeted = new Set<string>();
  /** What the n-th dry run of a pod is refused with; undefined when it would be admitted. */
  refuse: (tries: number) => string | undefined = () => undefined;
  #tries = 0;
  /** Called around each write, before it happens and when it has; what it throws is what the caller gets. */
  onWrite: (when: "before" | "after", line: string) => void = () => undefined;

  constructor() {
    super({ transport: {} as Transport });
  }

  override withSignal(): ObjectClient {
    return this;
  }

  add(plural: string, object: KubeObject): void {
    this.objects.set(`${plural}/${formatKey(object.metadata)}`, object);
  }

  override get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T | undefined> {
    return Promise.resolve(structuredClone(this.objects.get(place(type, key))) as T | undefined);
  }

  override list<T extends KubeObject>(type: ResourceType, { namespace }: ListOptions = {}): Promise<T[]> {
    const found = [...this.objects]
      .filter(([key, { metadata }]) => key.startsWith(`${type.plural}/`) && metadata.namespace === namespace)
      .map(([, object]) => structuredClone(object) as T);
    return Promise.resolve(found);
  }

  override create<T extends KubeObject>(type: ResourceType, object: T, options: CreateOptions = {}): Promise<T> {
    if (options.dryRun === true) {
      this.#tries += 1;
      const refusal = this.refuse(this.#tries);
      return refusal === undefined ? Promise.resolve(object) : Promise.reject(new KubeError("Invalid", refusal));
    }
    if (this.objects.has(place(type, object.metadata))) {
      return Promise.reject(new KubeError("AlreadyExists", "it is there already"));
    }
    return this.#put("create", type, object);
  }

  override replace<T extends KubeObject>(type: ResourceType, object: T): Promise<T> {
    return this.#put("replace", type, object);
  }

  override apply<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T> {
    const present = this.objects.get(place(type, object.metadata));
    const merged = { ...present, ...object, metadata: { ...present?.metadata, ...object.metadata } };
    return this.#put(options.subresource === undefined ? "apply" : "apply status", type, merged);
  }

  override patchJson<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    ops: readonly JsonPatchOperation[],
  ): Promise<T> {
    const object = structuredClone(this.objects.get(place(type, key)));
    if (object === undefined) return Promise.reject(new KubeError("NotFound", "gone"));
    for (const op of ops) {
      const segments = op.path.split("/").slice(1).map(unescape);
      const last = segments.pop() ?? "";
      const parent = segments.reduce((tree, segment) => tree[segment] as Tree, object as unknown as Tree);
      if (op.op === "add" || op.op === "replace") parent[last] = op.value;
      else if (op.op === "remove") Reflect.deleteProperty(parent, last);
      else if (op.op === "test" && JSON.stringify(parent[last]) !== JSON.stringify(op.value))
        return Promise.reject(new KubeError("Invalid", `test of ${op.path} failed`));
    }
    return this.#put("patch", type, object as T);
  }

  override remove(type: ResourceType, key: ObjectKey): Promise<void> {
    return this.#write(`remove ${place(type, key)}`, () => this.objects.delete(place(type, key)));
  }

  override logs({ name }: ObjectKey): Promise<string> {
    return Promise.resolve(`log of ${name}`);
  }

  override evict({ name }: ObjectKey): Promise<void> {
    if (this.budgeted.has(name)) return Promise.reject(new KubeError("TooManyRequests", "a budget does not allow it"));
    return this.#write(`evict ${name}`, () => undefined);
  }

  async #put<T extends KubeObject>(verb: string, type: ResourceType, object: T): Promise<T> {
    const key = place(type, object.metadata);
    await this.#write(`${verb} ${key}`, () => this.objects.set(key, structuredClone(object)));
    return structuredClone(object);
  }

  #write(line: string, change: () => unknown): Promise<void> {
    // Within a promise, as a client would: what `onWrite` throws rejects.
    return Promise.resolve().then(() => {
      this.onWrite("before", line);
      this.writes.push(line);
      change();
      this.onWrite("after", line);
    });
  }
}

function place(type: ResourceType, key: ObjectKey): string {
  return `${type.plural}/${formatKey(key)}`;
}

function unescape(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}
