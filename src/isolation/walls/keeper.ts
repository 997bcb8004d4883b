import { createHash } from "node:crypto";
import { CREATED_BY, WALL_LABEL } from "../../admission/index.ts";
import {
  type KubeError,
  type KubeObject,
  type ObjectClient,
  compareVersions,
  isKubeError,
  serviceAccountType,
} from "../../kube/index.ts";
import { type LivingWall, type WallPlan, differs } from "./compare.ts";
import { type Wall, type WallObject, wallKey, wallName } from "./wall.ts";

export const FIELD_MANAGER = "mlsecops-walls";
/** Of the annotation that says what was made and not found: it stays when all other fields are given back. */
const CREATOR = "mlsecops-walls-creator";

export interface Failure {
  /** KIND/NAME. */
  readonly name: string;
  readonly error: KubeError;
}

export interface KeptWalls {
  readonly repaired: readonly string[];
  readonly failures: readonly Failure[];
}

interface Known {
  readonly wanted: string;
  readonly version: string | undefined;
}

/** Writes walls, and remembers what was written: what the informers bring may be older than that. */
export class WallKeeper {
  readonly #known = new Map<string, Known>();

  /** The object as it is: as it was written, where what the informers have brought is older than that. */
  living(wall: Wall, cached: KubeObject | undefined): KubeObject | undefined {
    const known = this.#known.get(wallKey(wall.type, wall.object));
    const isBehind = cached !== undefined && known?.wanted === fingerprint(wall) && isOlder(cached, known);
    return isBehind ? wall.object : cached;
  }

  /** It is there as it should be. */
  seen(wall: Wall, { metadata }: KubeObject): void {
    const key = wallKey(wall.type, wall.object);
    const { resourceVersion: version } = metadata;
    if (version !== undefined) this.#known.set(key, { wanted: fingerprint(wall), version });
  }

  /**
   * Carries out the plan. What closes and cannot be written keeps what opens from being made; one failure does not keep the
   * others of its sort. `uid`: of the SecureNamespace. @throws KubeError only when the process must not write any more.
   */
  async carryOut(client: ObjectClient, { removeFirst, apply, removeLast }: WallPlan, uid: string): Promise<KeptWalls> {
    const repaired: string[] = [];
    const failures: Failure[] = [];
    for (const one of removeFirst)
      await attempt(failures, wallName(one.type, one.object), () => this.remove(client, one));
    for (const wall of apply) {
      if (wall.opens && failures.length > 0) break;
      const key = wallKey(wall.type, wall.object);
      const name = wallName(wall.type, wall.object);
      const known = this.#known.get(key);
      await attempt(failures, name, async () => {
        const applied = await applyWall(client, wall, uid);
        if (applied === undefined) return;
        const { resourceVersion: version } = applied.metadata;
        this.#known.set(key, { wanted: fingerprint(wall), version });
        // Of the same version it is what was written before: the informers have not brought it yet.
        if (known?.wanted === fingerprint(wall) && known.version !== version) repaired.push(name);
      });
    }
    if (failures.length === 0)
      for (const one of removeLast)
        await attempt(failures, wallName(one.type, one.object), () => this.remove(client, one));
    return { repaired, failures };
  }

  /** What was found there, and not made, is given back: only our fields go. */
  async remove(client: ObjectClient, { type, object }: LivingWall, keepAll = false): Promise<void> {
    this.#known.delete(wallKey(type, object));
    const { name, namespace, uid, annotations } = object.metadata;
    const key = namespace === undefined ? { name } : { name, namespace };
    const isMade = type !== serviceAccountType || (name !== "default" && annotations?.[CREATED_BY] !== undefined);
    if (isMade && !(keepAll && type === serviceAccountType))
      await client.remove(type, key, uid === undefined ? {} : { uid });
    else await client.apply(type, { metadata: key }, { fieldManager: FIELD_MANAGER });
  }
}

/** Notes what fails, and gives whether it did not. @throws KubeError only when the process must not write any more. */
export async function attempt(failures: Failure[], name: string, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
    failures.push({ name, error });
    return false;
  }
}

/** Returns the object as it then is; undefined where somebody else's is spared. */
async function applyWall(client: ObjectClient, wall: Wall, uid: string): Promise<KubeObject | undefined> {
  const { type, object } = wall;
  const { name, namespace } = object.metadata;
  const key = namespace === undefined ? { name } : { name, namespace };
  // Of the others nothing depends on what was there before.
  const depends = type === serviceAccountType || object.roleRef !== undefined;
  const found = depends ? await client.get<WallObject>(type, key) : undefined;
  if (wall.sparesOthers === true && found !== undefined && found.metadata.labels?.[WALL_LABEL] === undefined)
    return undefined;
  if (found === undefined && type === serviceAccountType && name !== "default") await announce(client, object, uid);
  // A binding's role cannot be changed.
  const isOther = found?.roleRef !== undefined && JSON.stringify(found.roleRef) !== JSON.stringify(object.roleRef);
  if (isOther) await client.remove(type, key, found.metadata.uid === undefined ? {} : { uid: found.metadata.uid });
  const applied = await client.apply<WallObject>(type, object, { fieldManager: FIELD_MANAGER });
  if (!differs(wall, applied)) return applied;
  // Somebody else has added what is not ours, and what does not go away by leaving it out.
  try {
    return await client.replace<WallObject>(
      type,
      { ...applied, ...bodyOf(object, applied) },
      { fieldManager: FIELD_MANAGER },
    );
  } catch (error) {
    if (!isKubeError(error, "Invalid")) throw error;
    await client.remove(type, key, applied.metadata.uid === undefined ? {} : { uid: applied.metadata.uid });
    return client.apply<WallObject>(type, object, { fieldManager: FIELD_MANAGER });
  }
}

async function announce(client: ObjectClient, { metadata }: WallObject, uid: string): Promise<void> {
  const { name, namespace = "" } = metadata;
  try {
    await client.create(
      serviceAccountType,
      { metadata: { name, namespace, annotations: { [CREATED_BY]: uid } } },
      { fieldManager: CREATOR },
    );
  } catch (error) {
    if (!isKubeError(error, "AlreadyExists")) throw error;
  }
}

/** Further resources of a quota are somebody else's, and stay. */
function bodyOf({ metadata: _metadata, ...body }: WallObject, living: WallObject): object {
  const spec = body.spec as { readonly hard?: object } | undefined;
  if (spec?.hard === undefined) return { ...body, specs: undefined };
  const { hard } = (living.spec ?? {}) as { readonly hard?: object };
  return { ...body, spec: { ...spec, hard: { ...hard, ...spec.hard } } };
}

function isOlder({ metadata }: KubeObject, { version }: Known): boolean {
  const { resourceVersion } = metadata;
  return version !== undefined && resourceVersion !== undefined && (compareVersions(resourceVersion, version) ?? 0) < 0;
}

function fingerprint({ object }: Wall): string {
  return createHash("sha256").update(JSON.stringify(object)).digest("base64");
}

export function isWallOf(namespace: string, { metadata }: KubeObject): boolean {
  return metadata.labels?.[WALL_LABEL] === namespace;
}
