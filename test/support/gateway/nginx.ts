import { createHash } from "node:crypto";

/** Where requests for some hosts go. */
export interface Rule {
  /** All hosts that nobody else has where this is empty. */
  readonly hosts: readonly string[];
  readonly shares: readonly { readonly service: string; readonly weight: number }[];
  readonly mirrorsTo: readonly string[];
}

export interface NginxOptions {
  readonly directory: string;
  readonly port: number;
  /** What /generation answers: by that one sees which configuration serves. */
  readonly generation: number;
  readonly rules: readonly Rule[];
  /** host:port of what is ready, of each Service that rules name. */
  readonly endpoints: ReadonlyMap<string, readonly string[]>;
}

/** An nginx that does for these rules what a Gateway does: each request is drawn by itself. Pure. */
export function nginxConfig({ directory, port, generation, rules, endpoints }: NginxOptions): string {
  const nobody = `unix:${directory}/nobody.sock`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return [
    "daemon off;",
    "worker_processes 1;",
    `pid ${directory}/nginx.pid;`,
    "events { worker_connections 512; }",
    "http {",
    "  access_log off;",
    ...temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`),
    // Nothing is behind it: as the Gateway API asks for.
    `  server { listen ${nobody}; return 503; }`,
    ...[...endpoints].map(([service, ready]) => upstream(service, ready.length > 0 ? ready : [nobody])),
    ...rules.flatMap((rule, index) => [...split(rule, index), ...server(rule, index, port)]),
    `  server {`,
    `    listen 127.0.0.1:${port};`,
    `    server_name 127.0.0.1;`,
    `    location = /generation { return 200 ${generation}; }`,
    `  }`,
    `  server { listen 127.0.0.1:${port} default_server; return 404; }`,
    "}",
    "",
  ].join("\n");
}

function upstream(service: string, servers: readonly string[]): string {
  return `  upstream ${upstreamName(service)} { ${servers.map((one) => `server ${one} max_fails=0;`).join(" ")} }`;
}

/** A name that cannot be mistaken for a host. */
function upstreamName(service: string): string {
  return `service_${createHash("sha256").update(service).digest("hex").slice(0, 16)}`;
}

/** By a hash of the request's random id, so that shares are those of independent draws. */
function split({ shares }: Rule, index: number): readonly string[] {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  const open = shares.filter(({ weight }) => weight > 0);
  const [last, ...others] = open.toReversed();
  if (last === undefined) return [];
  const parts = others.map(
    ({ service, weight }) => `${((100 * weight) / total).toFixed(2)}% ${upstreamName(service)};`,
  );
  return [`  split_clients $request_id $backend${index} { ${parts.join(" ")} * ${upstreamName(last.service)}; }`];
}

function server({ hosts, shares, mirrorsTo }: Rule, index: number, port: number): readonly string[] {
  const isOpen = shares.some(({ weight }) => weight > 0);
  const proxy = "proxy_http_version 1.1; proxy_set_header Host $host; proxy_next_upstream off;";
  return [
    "  server {",
    `    listen 127.0.0.1:${port};`,
    `    server_name ${hosts.length > 0 ? hosts.join(" ") : "~."};`,
    ...mirrorsTo.map(
      (service, at) =>
        `    location = /mirror-${at} { internal; ${proxy} proxy_pass http://${upstreamName(service)}$request_uri; }`,
    ),
    `    location / { ${mirrorsTo.map((_, at) => `mirror /mirror-${at}; `).join("")}${
      isOpen ? `${proxy} proxy_pass http://$backend${index};` : "return 500;"
    } }`,
    "  }",
  ];
}
