const ellipsis = "…";

/** Cuts text to at most `maxBytes` of UTF-8 without splitting a character; a cut is marked with an ellipsis. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const room = maxBytes - Buffer.byteLength(ellipsis);
  const bytes = Buffer.from(text);
  let end = Math.max(0, room);
  // A continuation byte (10xxxxxx) belongs to the character before it.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString() + (room >= 0 ? ellipsis : "");
}
