import { ImportError } from "./import-error.ts";

/** An object as a bucket lists it. */
export interface S3Object {
  readonly key: string;
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
}

export interface S3Page {
  readonly objects: readonly S3Object[];
  /** Where to go on; undefined after the last page. */
  readonly next: string | undefined;
}

/** Reads an answer to ListObjectsV2 with encoding-type=url, in which no value holds markup. @throws ImportError */
export function readPage(xml: string): S3Page {
  if (!/<ListBucketResult[\s>]/.test(xml) || /<!DOCTYPE|<!\[CDATA\[|<!--/.test(xml))
    throw unreadable("is no list of objects");
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry = ""]): S3Object => {
    const size = valueOf(entry, "Size");
    if (!/^\d{1,15}$/.test(size)) throw unreadable("has an object without a size");
    return { key: decoded(valueOf(entry, "Key")), size: Number(size), etag: valueOf(entry, "ETag") };
  });
  if ((xml.match(/<Contents[\s>/]/g) ?? []).length !== objects.length)
    throw unreadable("has an object that cannot be read");
  if (valueOf(xml.replaceAll(/<Contents>.*?<\/Contents>/gs, ""), "IsTruncated") !== "true")
    return { objects, next: undefined };
  return { objects, next: valueOf(xml, "NextContinuationToken") };
}

function valueOf(xml: string, name: string): string {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  if (found === undefined) throw unreadable(`lacks ${name}`);
  return found.replaceAll(/&(quot|apos|lt|gt|amp|#34|#x22);/g, (_, entity: string) => entities[entity] ?? "");
}

const entities: Readonly<Record<string, string>> = {
  quot: '"',
  "#34": '"',
  "#x22": '"',
  apos: "'",
  lt: "<",
  gt: ">",
  amp: "&",
};

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch (error) {
    throw new ImportError(
      "HostileContent",
      `the key ${JSON.stringify(key.slice(0, 128))} is not UTF-8: rename the object`,
      error,
    );
  }
}

function unreadable(what: string): ImportError {
  return new ImportError("SourceRefused", `what the endpoint answers ${what}: is it an S3-compatible store?`);
}
