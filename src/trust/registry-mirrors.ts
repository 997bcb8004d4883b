import { z } from "zod";
import type { RegistryPlace } from "./registry-session.ts";
import type { Reference } from "./reference.ts";

const host = /^[a-z0-9](?:[a-z0-9.-]{0,253})(?::[0-9]{1,5})?$/;
const hostAndPrefix =
  /^[a-z0-9](?:[a-z0-9.-]{0,253})(?::[0-9]{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*){0,8}$/;

/** Where the content of one registry is asked for instead, as the administrator says. */
const RegistryMirror = z.strictObject({
  registry: z
    .string()
    .max(260)
    .regex(host, {
      error: "write the host of a registry as references name it, for example docker.io or registry.example.com:5000",
    })
    // Names are written out before they are compared.
    .transform((name) => (name === "index.docker.io" ? "docker.io" : name)),
  mirrors: z
    .array(
      z.string().max(255).regex(hostAndPrefix, {
        error:
          "write a mirror as a host, with a prefix if need be and no scheme, for example mirror.example.com/dockerhub",
      }),
    )
    .min(1)
    .max(8),
  /** Whether the registry itself is asked when no mirror has an answer. */
  originFallback: z.boolean().default(true),
});
export type RegistryMirror = z.output<typeof RegistryMirror>;

const RegistryMirrors = z
  .array(RegistryMirror)
  .max(64)
  .refine((list) => new Set(list.map(({ registry }) => registry)).size === list.length, {
    error: "name each registry once, with all of its mirrors in the order they are asked",
  });

export type ParsedMirrors =
  { readonly ok: true; readonly mirrors: readonly RegistryMirror[] } | { readonly ok: false; readonly message: string };

/** Reads the list of mirrors from JSON. */
export function parseRegistryMirrors(text: string): ParsedMirrors {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return {
      ok: false,
      message:
        'registry mirrors must be JSON like [{"registry": "docker.io", "mirrors": ["mirror.example.com/dockerhub"]}]',
    };
  }
  const parsed = RegistryMirrors.safeParse(json);
  return parsed.success
    ? { ok: true, mirrors: parsed.data }
    : { ok: false, message: `registry mirrors: ${z.prettifyError(parsed.error)}` };
}

/** A place to ask, and whether it is the one that the reference names. */
export interface Source {
  readonly place: RegistryPlace;
  readonly isOrigin: boolean;
}

/** Where an artifact is asked for, in this order. Under its own name everywhere: a mirror is nothing that is trusted. */
export function sourcesOf(
  { registry, repository, name }: Pick<Reference, "registry" | "repository" | "name">,
  mirrors: readonly RegistryMirror[],
): readonly Source[] {
  const origin: Source = { place: { registry, repository, name }, isOrigin: true };
  const entry = mirrors.find((mirror) => mirror.registry === registry);
  if (entry === undefined) return [origin];
  const others = entry.mirrors.map((mirror): Source => {
    const [place = "", ...prefix] = mirror.split("/");
    return { place: { registry: place, repository: [...prefix, repository].join("/"), name }, isOrigin: false };
  });
  return entry.originFallback ? [...others, origin] : others;
}
