import type { Findings } from "../budget.ts";

/** The path without "./", or undefined with a finding where it leads elsewhere. */
export function checkPath(path: string, findings: Findings): string | undefined {
  if (Buffer.byteLength(path) > findings.maxPathBytes) {
    findings.add("PathTooLong", path);
    return undefined;
  }
  // eslint-disable-next-line no-control-regex
  if (path === "" || /[\u0000-\u001f\u007f\\\ufffd]/.test(path)) {
    findings.add("BadPath", path);
    return undefined;
  }
  if (/^(?:\/|[A-Za-z]:)/.test(path)) findings.add("AbsolutePath", path);
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) findings.add("ParentPath", path);
  if (segments.some((segment) => segment.startsWith(".wh."))) findings.add("Whiteout", path);
  return segments.join("/");
}
