import { crc32, deflateRawSync } from "node:zlib";

export interface TarEntry {
  readonly name: string;
  readonly content?: Buffer | string;
  /** "0" is a file, "1" a hard link, "2" a symlink, "5" a directory, "x" an extended header … */
  readonly type?: string;
  readonly prefix?: string;
  readonly magic?: string;
  readonly size?: string;
}

export function tarHeader({
  name,
  content = "",
  type = "0",
  prefix = "",
  magic = "ustar\x0000",
  size,
}: TarEntry): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\0", 100);
  header.write(size ?? Buffer.from(content).length.toString(8).padStart(11, "0"), 124, 12, "latin1");
  header.write("        ", 148);
  header.write(type, 156, 1);
  header.write(magic, 257, "latin1");
  header.write(prefix, 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

export function tar(entries: readonly (TarEntry | Buffer)[], end = true): Buffer {
  const blocks = entries.flatMap((entry) => {
    if (Buffer.isBuffer(entry)) return [entry];
    const content = Buffer.from(entry.content ?? "");
    return [tarHeader(entry), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

export function pax(records: Readonly<Record<string, string>>, type = "x"): TarEntry {
  const content = Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest);
      length += String(length + String(length).length).length;
      return `${length}${rest}`;
    })
    .join("");
  return { name: "pax", type, content };
}

export interface ZipFile {
  readonly name: string;
  readonly content: Buffer;
  readonly deflate?: boolean;
  /** The sizes follow the content. */
  readonly streamed?: boolean;
  readonly flags?: number;
  readonly method?: number;
  /** What the directory says instead. */
  readonly listed?: { readonly name?: string; readonly mode?: number; readonly crc?: number };
}

export function zip(files: readonly ZipFile[], { comment = "", gap = 0 } = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, deflate = false, streamed = false, flags = 0, method, listed = {} } of files) {
    const packed = deflate ? deflateRawSync(content) : content;
    const common = Buffer.alloc(22);
    common.writeUInt16LE(flags | (streamed ? 8 : 0), 2);
    common.writeUInt16LE(method ?? (deflate ? 8 : 0), 4);
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc32(content), 0);
    sizes.writeUInt32LE(packed.length, 4);
    sizes.writeUInt32LE(content.length, 8);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.alloc(4), Buffer.from(name)]);
    if (!streamed) sizes.copy(local, 14);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    const after = streamed ? [Buffer.from("PK\x07\x08"), sizes] : [];
    locals.push(local, packed, ...after, Buffer.alloc(gap));
    const central = Buffer.alloc(46);
    central.write("PK\x01\x02", "latin1");
    central.writeUInt8(3, 5);
    common.copy(central, 8, 2, 6);
    sizes.copy(central, 16);
    if (listed.crc !== undefined) central.writeUInt32LE(listed.crc, 16);
    central.writeUInt16LE(Buffer.byteLength(listed.name ?? name), 28);
    central.writeUInt32LE(((listed.mode ?? 0o100644) << 16) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    directory.push(central, Buffer.from(listed.name ?? name));
    offset += local.length + packed.length + (streamed ? 16 : 0) + gap;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, list, end, Buffer.from(comment)]);
}
