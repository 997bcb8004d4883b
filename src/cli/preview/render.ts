import type { Paint, Mood } from "../render/colour.ts";
import { pairs, table, type Row } from "../render/table.ts";
import type { PreviewConsequence, PreviewImage, PreviewItem, PreviewReport } from "./schema.ts";

/** What Enforce would refuse, a line for each reason; what would be admitted is only counted. Pure. */
export function render(report: PreviewReport, paint: Paint): string {
  const {
    namespace,
    profile,
    secured,
    items,
    refused,
    unknown,
    notChecked,
    operatorSees,
    allowedImages,
    consequences,
  } = report;
  const shown = items.filter((item) => item.refused && !isRepeated(item, items));
  const rows = shown.flatMap(rowsOf);
  const now = { No: "is not secured", Audit: "is in Audit", Enforce: "is in Enforce" }[secured];
  const hidden = refused - shown.length;
  const sum =
    refused === 0
      ? `Enforce would refuse none of ${items.length}.`
      : `Enforce would refuse ${refused} of ${items.length}${hidden === 0 ? "" : `; ${hidden} are not listed, since what made them is`}.`;
  return [
    `namespace ${namespace} ${now}; profile ${profile}\n\n`,
    ...(rows.length === 0 ? [] : [table(["OBJECT", "USE", "IMAGE", "PROBLEM", "WHY"], rows, paint), "\n"]),
    ...(consequences.length === 0
      ? []
      : [table(["WHAT", "OBJECT", "WHAT ENFORCE WOULD CHANGE"], consequences.map(consequenceRow), paint), "\n"]),
    ...unknown.map(({ what, why }) =>
      pairs([[`cannot tell ${what}:`, { text: why, mood: "unknown" as const }]], paint),
    ),
    ...allowedImages.map(({ name, outcome, message }) =>
      pairs([[`allowed image ${name}:`, { text: `${outcome}: ${message}`, mood: "bad" as const }]], paint),
    ),
    `${sum}\n`,
    ...(operatorSees === undefined ? [] : [`The operator counts ${operatorSees} running pods that are not granted.\n`]),
    "\nnot checked\n",
    ...notChecked.map((line) => `  ${line}\n`),
  ].join("");
}

function consequenceRow({ what, object, message }: PreviewConsequence): Row {
  const words = {
    PodSecurity: "refused",
    Token: "token",
    Quota: "quota",
    Network: "not opened",
    Cut: "cut",
    Breach: "breach",
  } as const;
  return [{ text: words[what], mood: what === "Token" ? "unknown" : "bad" }, object, message];
}

/** What something made says nothing new where its maker is listed with the same images. */
function isRepeated(item: PreviewItem, items: readonly PreviewItem[]): boolean {
  if (item.controlledBy === undefined) return false;
  const key = keyOf(item);
  return items.some((other) => other.controlledBy === undefined && other.refused && keyOf(other) === key);
}

function keyOf({ images, problems }: PreviewItem): string {
  return JSON.stringify([images.map(({ image, use, problem }) => [image, use, problem ?? ""]), problems]);
}

function rowsOf({ kind, name, images, problems }: PreviewItem): readonly Row[] {
  const object = `${kind}/${name}`;
  return [
    ...images.flatMap((image): Row[] =>
      image.problem === undefined
        ? []
        : [[object, image.use, image.image, { text: wordsOf(image.problem), mood: "bad" }, whyOf(image)]],
    ),
    ...problems.map((problem): Row => [object, "", "", { text: "profile", mood: "bad" }, problem]),
  ];
}

function wordsOf(problem: NonNullable<PreviewImage["problem"]>): string {
  return problem === "NotPinned" ? "not pinned" : "not granted";
}

function whyOf({ problem, why, message }: PreviewImage): { readonly text: string; readonly mood: Mood } {
  const plain = (text: string) => ({ text, mood: "plain" as const });
  if (problem === "NotPinned") return plain("a tag can be moved: write name@sha256:…");
  const said = message === undefined ? "" : `: ${message}`;
  switch (why) {
    case "NoPolicy":
      return { text: "no policy in mode Enforce covers it", mood: "bad" };
    case "Verified":
      return { text: `Verified${said}`, mood: "good" };
    case "Rejected":
      return { text: `Rejected${said}`, mood: "bad" };
    case "Indeterminate":
      return { text: `Indeterminate${said}`, mood: "unknown" };
    case "InvalidReference":
      return { text: message ?? "not a reference", mood: "bad" };
    case "NotAsked":
    case undefined:
      return plain("what policies say of it is not known: --refresh asks the registry");
  }
}
