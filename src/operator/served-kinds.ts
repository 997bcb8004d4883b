import {
  type Change,
  type Clock,
  type Informer,
  type InformerOptions,
  type KubeObject,
  type ResourceType,
  isKubeError,
  sleep,
} from "../kube/index.ts";
import type { ReachType } from "../reach/index.ts";
import { Doubt } from "./doubt.ts";
import { withoutState } from "./informers.ts";

/** A kind that may be part of the cluster. */
export interface OptionalKind {
  readonly resource: ResourceType;
  /** Versions that newer or older releases of it are served as instead, of the same form. */
  readonly otherVersions?: readonly string[];
  /** Part of every cluster. */
  readonly builtin: boolean;
}

/** What follows the kinds that come and go. */
export interface InstalledKindsFollower<K extends OptionalKind = ReachType> {
  readonly changed: (type: K, change: Change<KubeObject>) => void;
  /** {@link InstalledKinds.problems} or {@link InstalledKinds.informer} may say something else. */
  readonly doubted: () => void;
}

export interface InstalledKindsOptions<K extends OptionalKind = ReachType> {
  /** The CustomResourceDefinitions; their metadata is enough. */
  readonly definitions: Informer<KubeObject>;
  readonly types: readonly K[];
  readonly create: (
    type: ResourceType,
    options: Pick<InformerOptions<KubeObject>, "transform">,
  ) => Informer<KubeObject>;
  readonly clock: Clock;
}

interface Kind<K> {
  readonly type: K;
  readonly informer: Informer<KubeObject>;
  readonly stop: AbortController;
  /** Resolves with the first answer, be it a list or a refusal. */
  readonly answered: Promise<void>;
  readonly doubt: Doubt;
}

/** How long the first answers are waited for. */
const patienceMs = 5_000;
/** Before a kind that is not served as one version is asked for as another. */
const otherVersionMs = 1_000;

/**
 * Watches those kinds that are not part of every cluster as long as they are installed. One that is installed and cannot be
 * listed is a problem, never an absence.
 */
export class InstalledKinds<K extends OptionalKind = ReachType> {
  readonly #options: InstalledKindsOptions<K>;
  readonly #byDefinition: ReadonlyMap<string, K>;
  readonly #kinds = new Map<string, Kind<K>>();
  readonly #followers = new Set<InstalledKindsFollower<K>>();

  constructor(options: InstalledKindsOptions<K>) {
    this.#options = options;
    const optional = options.types.filter(({ builtin }) => !builtin);
    this.#byDefinition = new Map(optional.map((type) => [definitionOf(type.resource), type]));
  }

  /** Before {@link start}. */
  follow(follower: InstalledKindsFollower<K>): void {
    this.#followers.add(follower);
  }

  /** Begins and ends informers as definitions come and go, until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#options.definitions.onChange(({ type, object }) => {
      const { name, deletionTimestamp } = object.metadata;
      const kind = this.#byDefinition.get(name);
      if (kind === undefined) return;
      // While one is being deleted, what is left of its objects still counts.
      if (type === "deleted") this.#end(name);
      else if (deletionTimestamp === undefined && !this.#kinds.has(name)) this.#begin(name, kind, signal);
    });
  }

  /** Of an installed kind that was listed; undefined for all others. */
  informer(type: ResourceType): Informer<KubeObject> | undefined {
    const kind = this.#kinds.get(definitionOf(type));
    return kind?.informer.synced() === true ? kind.informer : undefined;
  }

  /** Its definition is there, whether or not its objects are known. */
  isInstalled(type: ResourceType): boolean {
    return this.#kinds.has(definitionOf(type));
  }

  /** What may have a say and is not known, for people. Empty: nothing is. */
  problems(): readonly string[] {
    return [...this.#kinds].flatMap(([name, { doubt }]) => doubt.problem(name) ?? []);
  }

  /** Resolves when all kinds that are installed have given an answer, or have had time for one. Never rejects. */
  async settled(signal: AbortSignal): Promise<void> {
    const { definitions, clock } = this.#options;
    const answered = async () => {
      await definitions.waitForSync(signal);
      await Promise.all([...this.#kinds.values()].map((kind) => kind.answered));
    };
    await Promise.race([answered().catch(() => undefined), sleep(clock, patienceMs, signal)]);
  }

  #begin(name: string, type: K, signal: AbortSignal, attempt = 0): void {
    const { create, clock } = this.#options;
    const stop = new AbortController();
    const ends = AbortSignal.any([stop.signal, signal]);
    const versions = [type.resource.version, ...(type.otherVersions ?? [])];
    const version = versions[attempt % versions.length] ?? type.resource.version;
    const informer = create({ ...type.resource, version }, { transform: withoutState });
    const refusal = new Promise<void>((resolve) => informer.onRefusal(() => resolve()));
    const synced = informer.waitForSync(ends).catch(() => undefined);
    const answered = Promise.race([synced, refusal]);
    const since = this.#kinds.get(name)?.doubt.since ?? clock.monotonic();
    const doubt = new Doubt(informer, { clock, signal: ends, since, onChange: () => this.#tell() });
    this.#kinds.set(name, { type, informer, stop, answered, doubt });
    informer.onRefusal((reason) => {
      if (versions.length > 1 && isKubeError(reason, "NotFound") && !informer.synced())
        void this.#beginAgain(name, ends, () => this.#begin(name, type, signal, attempt + 1));
    });
    informer.onChange((change) => {
      if (!stop.signal.aborted) for (const { changed } of this.#followers) changed(type, change);
    });
    informer.start(ends);
  }

  /** Which version is served its definition's metadata does not say. */
  async #beginAgain(name: string, ends: AbortSignal, begin: () => void): Promise<void> {
    if (!(await sleep(this.#options.clock, otherVersionMs, ends))) return;
    this.#kinds.get(name)?.stop.abort();
    begin();
  }

  #end(name: string): void {
    const kind = this.#kinds.get(name);
    if (kind === undefined) return;
    this.#kinds.delete(name);
    kind.stop.abort();
    for (const object of kind.informer.store.list())
      for (const { changed } of this.#followers) changed(kind.type, { type: "deleted", object });
    this.#tell();
  }

  #tell(): void {
    for (const { doubted } of this.#followers) doubted();
  }
}

function definitionOf({ group, plural }: ResourceType): string {
  return `${plural}.${group}`;
}
