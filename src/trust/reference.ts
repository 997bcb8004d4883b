/** Where an artifact lies and how it is named there. */
export interface Reference {
  /** Host and port, in lower case: "docker.io", "registry.example.com:5000". */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Registry and repository: what the scope of a policy is matched with. */
  readonly name: string;
}

export type ParsedReference =
  { readonly ok: true; readonly reference: Reference } | { readonly ok: false; readonly message: string };

const hostPattern = /^[a-z0-9](?:[a-z0-9.-]{0,253})(?::[0-9]{1,5})?$/;
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[a-f0-9]{64}$/;
const maxNameLength = 255;
const example = "registry.example.com/models/iris:v1";

/**
 * Parses a reference as container runtimes do, so that what is verified is what is pulled: "nginx" is
 * docker.io/library/nginx, and the digest is what follows the last "@".
 */
export function parseReference(text: string): ParsedReference {
  if (text === "" || text.length > 1024) return bad(text, `write it like ${example}`);
  const at = text.lastIndexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !digestPattern.test(digest)) {
    return bad(text, "the part after @ must be sha256: and 64 hexadecimal digits in lower case");
  }
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(":");
  // A colon before the last slash belongs to the port.
  const tag = colon > named.lastIndexOf("/") ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return bad(text, "the part after the last colon is not a tag");
  const location = locate(tag === undefined ? named : named.slice(0, colon));
  if (!hostPattern.test(location.registry)) return bad(text, `"${location.registry}" is not the name of a registry`);
  if (!repositoryPattern.test(location.repository)) {
    return bad(
      text,
      `"${location.repository}" is not a repository: only a-z, 0-9 and single separators . _ - are allowed`,
    );
  }
  const name = `${location.registry}/${location.repository}`;
  if (name.length > maxNameLength) return bad(text, `its name has more than ${maxNameLength} characters`);
  return {
    ok: true,
    reference: {
      ...location,
      name,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    },
  };
}

function locate(path: string): { registry: string; repository: string } {
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(0, slash));
  // Without a dot or a port the first part is a name on Docker Hub, except localhost. Upper case would make it a host
  // too, but one whose name in lower case is something else; so it is refused as what it looks like.
  const isHost = /[.:]/.test(first) || first === "localhost";
  const registry = isHost ? first.toLowerCase() : "docker.io";
  const repository = isHost ? path.slice(slash + 1) : path;
  if (registry !== "docker.io" && registry !== "index.docker.io") return { registry, repository };
  return { registry: "docker.io", repository: repository.includes("/") ? repository : `library/${repository}` };
}

/** "name@digest": the form that is pulled, signed and granted. */
export function pinned(name: string, digest: string): string {
  return `${name}@${digest}`;
}

function bad(text: string, why: string): ParsedReference {
  return { ok: false, message: `"${text.slice(0, 256)}" is not a valid reference: ${why}` };
}
