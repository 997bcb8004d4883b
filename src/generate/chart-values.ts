import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from "yaml";

/** One value of the chart, for people. */
export interface ChartValue {
  /** As `--set` takes it: "image.digest". */
  readonly path: string;
  /** Its default, as JSON; undefined for one that only has others below it. */
  readonly default: string | undefined;
  readonly meaning: string;
}

/** What the comments in a chart's values.yaml say. Throws where a value has none that says what it is for. */
export function chartValues(text: string): readonly ChartValue[] {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  if (!isMap(document.contents)) throw new Error("values.yaml is no map");
  return valuesOf(document.contents, [], document.commentBefore);
}

/** `head` is the comment at the top of a file, which is that of its first key. */
function valuesOf(map: YAMLMap, above: readonly string[], head?: string | null): readonly ChartValue[] {
  return map.items.flatMap((pair, at) => {
    const path = [...above, nameOf(pair)];
    const meaning = words([...(at === 0 ? [head, map.commentBefore] : []), commentOf(pair)]);
    const name = path.join(".");
    const { value } = pair;
    if (isMap(value) && isCommented(value)) {
      const own = meaning === "" ? [] : [{ path: name, default: undefined, meaning }];
      return [...own, ...valuesOf(value, path)];
    }
    if (meaning === "") throw new Error(`values.yaml: ${name} has no comment that says what it is for`);
    return [
      {
        path: name,
        default: JSON.stringify((map.toJSON() as Readonly<Record<string, unknown>>)[nameOf(pair)]),
        meaning,
      },
    ];
  });
}

/** A map without comments, such as labels, is one value, not several. */
function isCommented(map: YAMLMap): boolean {
  return words([map.commentBefore, ...map.items.map(commentOf)]) !== "";
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : "";
}

function commentOf({ key }: Pair): string {
  return isScalar(key) ? (key.commentBefore ?? "") : "";
}

function words(comments: readonly (string | null | undefined)[]): string {
  return comments
    .map((comment) => (comment ?? "").replaceAll(/\s+/g, " ").trim())
    .filter((comment) => comment !== "")
    .join(" ");
}
