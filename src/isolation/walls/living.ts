import { type KubeObject, type ResourceType, type Store, keyOf } from "../../kube/index.ts";
import type { LivingWall } from "./compare.ts";
import { isWallOf } from "./keeper.ts";
import { type Wall, wallKey } from "./wall.ts";

/** A collection that walls live in, as it is known here. */
export interface WallSource {
  readonly type: ResourceType;
  readonly store: Pick<Store<KubeObject>, "get" | "list">;
}

/** Walls as they live, from the informers. */
export class LivingWalls {
  readonly #sources: () => readonly WallSource[];

  constructor(sources: () => readonly WallSource[]) {
    this.#sources = sources;
  }

  find({ type, object }: Wall): KubeObject | undefined {
    const key = keyOf(object);
    for (const source of this.#sources()) {
      const found =
        source.type.plural === type.plural && source.type.group === type.group ? source.store.get(key) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** All that carry the label of this namespace. */
  ours(namespace: string): readonly LivingWall[] {
    const found = new Map<string, LivingWall>();
    for (const { type, store } of this.#sources()) {
      const own = type.namespaced ? store.list(namespace) : [store.get(`mlsecops-${namespace}`)];
      for (const object of own)
        if (object !== undefined && isWallOf(namespace, object)) found.set(wallKey(type, object), { type, object });
    }
    return [...found.values()];
  }

  types(): readonly ResourceType[] {
    return [...new Set(this.#sources().map(({ type }) => type))];
  }
}
