import { canInflate, inflateAll, isDamage } from "./container/inflate.ts";
import { kerasInterest } from "./container/keras.ts";
import { settleZip, type Member } from "./container/zip-kind.ts";
import { skopsInterest } from "./container/skops.ts";
import { readTar, type OnEntry } from "./container/tar.ts";
import { readZip } from "./container/zip.ts";
import { printable, type Budget } from "./budget.ts";
import { Analysis } from "./cursor.ts";
import type { FileFacts } from "./facts.ts";
import type { FormatName } from "./formats.ts";
import { JsonDocument, type Interest } from "./leaf/json-document.ts";
import { Report, type Leaf } from "./leaf/report.ts";
import { PickleAnalysis, type PickleResult } from "./pickle/analysis.ts";
import { isOpcode } from "./pickle/opcodes.ts";
import { ByteReader, type Chunks, type Tap } from "./reader.ts";
import { HEAD_BYTES, sniff, textFormat, type Sniffed } from "./sniff.ts";
import { Utf8Check, Watch } from "./watch.ts";

export interface FileSource {
  readonly path: string;
  /** How many archives it lies in. */
  readonly depth: number;
  readonly content: Chunks;
  /** Where somebody hashes the same bytes already. */
  readonly sha256?: string | undefined;
  /** Its name in the archive: it says what its loader would take it for. */
  readonly member?: string | undefined;
}

export interface ScanContext {
  readonly budget: Budget;
  /** Takes what was found, innermost files first. */
  readonly add: (file: FileFacts) => void;
}

const nestedPathBytes = 8000;
const maxNestedName = 1024;

/** Finds out what a file is, and what is in it. It is read to its end, whatever it is. */
export async function scanFile(source: FileSource, context: ScanContext): Promise<Member> {
  const { budget } = context;
  budget.addFile();
  const report = new Report(budget);
  const taps: Tap[] = [];
  const reader = new ByteReader(source.content, { write: (chunk) => taps.forEach((tap) => tap.write(chunk)) });
  const head = Buffer.from(await reader.peek(HEAD_BYTES));
  const sniffed = sniff(head);
  const mayBePickle = head.length > 0 && isOpcode(head[0] ?? 0);
  const pickle = mayBePickle ? new PickleAnalysis(budget) : undefined;
  const text = sniffed.kind === "Other" || sniffed.kind === "Json" ? new Utf8Check() : undefined;
  const watch = new Watch({ hash: source.sha256 === undefined, pickle, text });
  taps.push(watch);

  const json = new JsonDocument(interestOf(source.member, report));
  const members: Member[] = [];
  const read = (): Promise<FormatName> => {
    if (sniffed.kind === "Container")
      return readContainer(sniffed.format, source, reader, { ...context, report, members });
    const leaf = leafOf(sniffed, json);
    return leaf === undefined ? Promise.resolve("unknown") : readLeaf(leaf, reader, report);
  };
  let format = head.length === 0 ? "empty" : await read();
  await reader.drain();

  const found = pickle?.end();
  if (sniffed.kind === "Magic" || sniffed.kind === "Packed") format = sniffed.format;
  if (sniffed.kind === "Packed") report.findings.add("CompressedUnreadable", `${format} cannot be unpacked here`);
  if (found !== undefined) format = withPickle(found, format, { isCertain: sniffed.kind === "Pickle", report });
  if (format === "unknown" && text?.isText() === true) {
    format = textFormat(head, source.path);
    if (text.hasPythonTag) report.findings.add("YamlPythonTag", "it makes a reader of YAML call functions of Python");
    if (format === "pmml" && text.hasDoctype)
      report.findings.add("XmlDoctype", "it makes its reader fetch other files");
  }
  if (format !== "zip" && watch.endsAsZip()) report.findings.add("TrailingArchive", "it ends as a zip archive does");
  const settled = format === "zip" ? settleZip(members) : { format, listed: members, types: [] };
  for (const type of settled.types) report.types.add(type);
  for (const member of settled.listed) context.add(member.facts);
  const sha256 = source.sha256 ?? watch.digest();
  return {
    name: source.member ?? source.path,
    rootKeys: json.rootKeys,
    facts: {
      path: printable(source.path, nestedPathBytes),
      size: watch.size,
      ...(sha256 === undefined ? {} : { sha256 }),
      format: settled.format,
      findings: report.findings.list,
      types: report.types.list,
      external: report.external,
    },
  };
}

function interestOf(member: string | undefined, report: Report): Interest | undefined {
  if (member === "schema.json") return skopsInterest(report);
  return member === "config.json" ? kerasInterest(report) : undefined;
}

function leafOf(sniffed: Sniffed, json: JsonDocument): Leaf | undefined {
  if (sniffed.kind === "Leaf") return sniffed.leaf;
  return sniffed.kind === "Json" ? (cursor, report) => json.leaf(cursor, report) : undefined;
}

async function readLeaf(leaf: Leaf, reader: ByteReader, report: Report): Promise<FormatName> {
  const analysis = new Analysis((cursor) => leaf(cursor, report));
  for await (const chunk of reader.rest()) analysis.write(chunk);
  return analysis.end();
}

interface PickleContext {
  readonly isCertain: boolean;
  readonly report: Report;
}

/** What a file is whose content can be read as a pickle, too. */
function withPickle(found: PickleResult, format: FormatName, { isCertain, report }: PickleContext): FormatName {
  if (!isCertain && !found.isPickle) return format;
  report.findings.addAll(found.findings);
  for (const type of found.types) report.types.add(type);
  if (isCertain || format === "unknown") return found.isJoblib ? "joblib" : "pickle";
  report.findings.add("AlsoPickle", `what is ${format} to one program is a pickle to another`);
  return format;
}

interface ContainerContext extends ScanContext {
  readonly report: Report;
  readonly members: Member[];
}

async function readContainer(
  format: "zip" | "tar" | "gzip" | "zlib" | "zstd",
  source: FileSource,
  reader: ByteReader,
  context: ContainerContext,
): Promise<FormatName> {
  const { budget, report, members } = context;
  const { findings } = report;
  if (source.depth >= budget.limits.maxDepth) {
    findings.add("TooDeep", `archives lie more than ${budget.limits.maxDepth} deep in each other`);
    return format;
  }
  const scan: OnEntry = async ({ path, content }) => {
    members.push(
      await scanFile(
        {
          path: `${source.path}!/${printable(path, maxNestedName)}`,
          depth: source.depth + 1,
          content: format === "tar" ? content : counted(content, budget),
          member: path,
        },
        context,
      ),
    );
  };
  try {
    if (format === "zip") await readZip(reader.rest(), findings, scan);
    else if (format === "tar") await readTar(reader, findings, scan);
    else if (!canInflate(format)) findings.add("CompressedUnreadable", `${format} cannot be unpacked by this Node`);
    else {
      const packed = new ByteReader(reader.rest());
      await scan({ path: "content", content: inflateAll(packed, format) });
      if ((await packed.drain()) > 0) findings.add("TrailingData", `bytes follow the ${format} data`);
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    findings.add("Malformed", `its ${format} data is damaged`);
  }
  return format;
}

/** Counts what unpacks. */
export async function* counted(content: Chunks, budget: Budget): AsyncGenerator<Buffer, void> {
  for await (const chunk of content) {
    budget.addUnpacked(chunk.length);
    yield chunk;
  }
}
