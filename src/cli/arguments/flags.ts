// The options that several commands share, each with its check.

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { checkedRange } from '../../base/addressRange.ts';
import { type HostPort, parseHostPort } from '../../base/hostPort.ts';
import { UserError } from '../../base/userError.ts';
import { BOOT_DEFAULTS } from '../../boot/bootOptions.ts';
import { defaultWorkers } from '../../hub/threads/defaultWorkers.ts';
import { ENGINE, MEMORY } from '../../limits/engine.ts';
import { DASHBOARD } from '../../limits/owner.ts';
import { parseAllowRule } from '../../node/allowRule.ts';
import { type KeyStoreName, parseKeyStore } from '../../noise/keyStores.ts';
import { LOG_LEVELS, type LogLevel } from '../process/log.ts';
import { formatBytes, formatDuration, parseDuration, parseSize } from '../units.ts';
import { addClusterFlags, type MemberFlags, staleOption } from './clusterFlags.ts';
import {
  parseMetricsNodes,
  parseName,
  parseOneOf,
  parsePublicAddress,
  parsePublicHost,
  parsePublicWebSocket,
  parseWhole,
} from './values.ts';

const IO_KINDS = ['auto', 'epoll', 'net'] as const;
export type Io = (typeof IO_KINDS)[number];

/** Threads beyond this only take turns. */
export const WORKERS_MAX = 64;

/** Called with the exit code of a command that has one of its own. */
export type Ends = (exitCode: number) => void;

export interface CommonFlags {
  dataDir?: string;
}

export interface RunFlags extends CommonFlags {
  logLevel: LogLevel;
  readyFile?: string;
  /** Milliseconds. */
  drain: number;
  io: Io;
  keyStore?: KeyStoreName;
  /** Bytes. */
  memory?: number;
}

export interface HubFlags extends RunFlags, MemberFlags {
  tunnel: HostPort;
  tunnelWebsocket?: HostPort;
  trustedProxy?: string[];
  publicWebsocket?: string;
  socks: HostPort;
  socksSocket?: string;
  http: HostPort;
  dashboard: HostPort;
  workers?: number;
  publicHost?: string;
  rules?: string;
  persistSessions?: boolean;
  acceptLoss?: boolean;
  showTargets?: boolean;
  askUser?: boolean;
  proxyHeaders: 'on' | 'off';
  dashboardHost?: string[];
  dashboardPasswordFile?: string;
  apk?: string;
  metricsNodes?: number;
}

export function addDataDir(command: Command): Command {
  return command.option(
    '--data-dir <dir>',
    'where keys and state are kept (default: $RESTUNNEL_DATA_DIR or ~/.restunnel)',
  );
}

/** The options of commands that stay: hub, node and quickstart. */
export function addRunFlags(command: Command, logLevel: LogLevel): Command {
  return addDataDir(command)
    .addOption(
      keyStoreOption(
        '--key-store <store>',
        "where a new private key goes: file, secret-service (Linux), keychain (macOS) or credential-manager (Windows) (default: file on Linux, else the system's own); restunnel key moves an old one",
      ),
    )
    .addOption(
      new Option('--io <kind>', 'how sockets are served: auto, epoll (Linux) or net (anywhere)')
        .default('auto', 'auto')
        .argParser((text) => parseIo(text, process.platform)),
    )
    .addOption(
      new Option('--log-level <level>', 'trace, debug, info, warn, error or silent')
        .default(logLevel, logLevel)
        .argParser((text) => parseOneOf(text, '--log-level', LOG_LEVELS)),
    )
    .addOption(
      new Option('--drain <duration>', 'what open streams get to end on SIGTERM or Ctrl-C, 0s to 1h')
        .default(ENGINE.drainMs, formatDuration(ENGINE.drainMs))
        .argParser((text) => parseDuration(text, '--drain', 0, ENGINE.drainMaxMs)),
    )
    .addOption(
      new Option(
        '--memory <size>',
        'what may wait for clients and targets that do not read, such as 500MB (default: a quarter of the memory of a hub, an eighth of that of a node)',
      ).argParser((text) => parseMemory(text, '--memory')),
    )
    .option('--ready-file <file>', 'write one JSON object there once everything is ready');
}

export function addHubFlags(command: Command, tunnelDefaultHost: string): Command {
  const { tunnel, dashboard } = BOOT_DEFAULTS;
  command
    .optionsGroup('Addresses (HOST:PORT, port 0 means any free one):')
    .addOption(
      new Option('--tunnel <host:port>', 'where exit nodes connect to')
        .default({ host: tunnelDefaultHost, port: tunnel.port }, `${tunnelDefaultHost}:${tunnel.port}`)
        .argParser((text) => parseHostPort(text, '--tunnel', '0.0.0.0')),
    )
    .addOption(
      new Option(
        '--tunnel-websocket <host:port>',
        'where a web server passes on exit nodes that come inside a WebSocket (default: nowhere)',
      ).argParser((text) => parseHostPort(text, '--tunnel-websocket', '127.0.0.1')),
    )
    .addOption(
      new Option(
        '--trusted-proxy <cidr>',
        'that web server, such as 127.0.0.1: it is believed when it says whose request it passes on; may be repeated',
      ).argParser(collect((text) => checkedRange(text, '--trusted-proxy'))),
    )
    .addOption(
      new Option(
        '--public-websocket <url>',
        'where devices reach that web server, for pairing links: wss://HOST/PATH; remembered',
      ).argParser((text) => parsePublicWebSocket(text, '--public-websocket')),
    )
    .addOption(proxyOption('socks', 'SOCKS5 proxy'))
    .addOption(
      new Option(
        '--socks-socket <path>',
        'a Unix socket for SOCKS5 that only your own user can open',
      ).argParser((path) => resolve(path)),
    )
    .addOption(proxyOption('http', 'HTTP proxy'))
    .addOption(
      new Option('--dashboard <host:port>', 'dashboard, loopback or with a password')
        .default(dashboard, `${dashboard.host}:${dashboard.port}`)
        .argParser((text) => parseHostPort(text, '--dashboard', '127.0.0.1')),
    )
    .addOption(
      new Option(
        '--public-host <host[:port]>',
        'name or address for pairing links, with a port if another one leads to the tunnel; remembered (default: an address of this machine)',
      ).argParser((text) => parsePublicAddress(text, '--public-host')),
    )
    .optionsGroup('Dashboard:')
    .addOption(
      new Option(
        '--dashboard-host <name>',
        'another name that browsers use for the dashboard, as behind a reverse proxy; may be repeated',
      ).argParser(collect((text) => parsePublicHost(text, '--dashboard-host'))),
    )
    .option('--dashboard-password-file <file>', 'ask for the password in this file')
    .addOption(apkOption())
    .addOption(
      new Option(
        '--metrics-nodes <n>',
        `how many nodes have metrics of their own in /metrics: all, none or a number (default: ${DASHBOARD.metricsNodesDefault})`,
      ).argParser(parseMetricsNodes),
    )
    .option(
      '--show-targets',
      'show the hosts that open streams go to (default: hidden, from the owner as well)',
    )
    .optionsGroup('Cluster (docs/guides/cluster.md):');
  return addClusterFlags(command)
    .addOption(staleOption())
    .optionsGroup('Options:')
    .option(
      '--ask-user',
      'make the HTTP proxy ask for a user name even without users: browsers send one only when asked',
    )
    .option(
      '--rules <file>',
      'a file that says which hosts may be reached, by whom, when and through which nodes (YAML or JSON); read again when it changes',
    )
    .option(
      '--persist-sessions',
      'keep sticky sessions in the data directory, so that they survive a restart',
    )
    .option(
      '--accept-loss',
      "start although the hub's key or store is missing or damaged, and begin that part anew; the log says what was lost",
    )
    .addOption(
      new Option(
        '--proxy-headers <on|off>',
        'tell HTTP clients which node serves them, and its public address',
      )
        .choices(['on', 'off'])
        .default('on', 'on'),
    )
    .addOption(
      new Option(
        '--workers <n>',
        `worker threads beside the front thread (default here: ${defaultWorkers(availableParallelism())})`,
      ).argParser((text) => parseWhole(text, '--workers', 0, WORKERS_MAX)),
    );
}

export function apkOption(): Option {
  return new Option(
    '--apk <file>',
    'the Android app to hand out (default: restunnel.apk beside this program, if it is there)',
  ).argParser((path) => resolve(path));
}

function proxyOption(name: 'socks' | 'http', what: string): Option {
  const address = BOOT_DEFAULTS[name];
  return new Option(`--${name} <host:port>`, `${what}; beyond loopback only with users (restunnel users)`)
    .default(address, `${address.host}:${address.port}`)
    .argParser((text) => parseHostPort(text, `--${name}`, '127.0.0.1'));
}

export function keyStoreOption(flags: string, description: string): Option {
  const [flag = ''] = flags.split(' ');
  return new Option(flags, description).argParser((text) => parseKeyStore(text, flag, process.platform));
}

/** Throws UserError (exit code 2); epoll is refused where it does not exist. */
export function parseIo(text: string, platform: NodeJS.Platform): Io {
  const io = parseOneOf(text, '--io', IO_KINDS);
  if (io === 'epoll' && platform !== 'linux') {
    throw new UserError(`--io: epoll exists on Linux only, and this is ${platform}; use --io net`, 2);
  }
  return io;
}

/** Throws UserError (exit code 2). */
function parseMemory(text: string, flag: string): number {
  const bytes = parseSize(text, flag);
  const { optionMinBytes, optionMaxBytes } = MEMORY;
  if (bytes >= optionMinBytes && bytes <= optionMaxBytes) return bytes;
  const range = `${formatBytes(optionMinBytes)} and ${formatBytes(optionMaxBytes)}`;
  throw new UserError(`${flag}: ${text} is not between ${range}`, 2);
}

/** For options that may be given several times. */
export function collect<T>(parse: (text: string) => T): (text: string, previous: T[] | undefined) => T[] {
  return (text, previous) => [...(previous ?? []), parse(text)];
}

export function nameOption(description: string): Option {
  return new Option('--name <name>', description).argParser((text) => parseName(text, '--name'));
}

export function allowTargetOption(): Option {
  return new Option(
    '--allow-target <cidr[:ports]>',
    'let the exit node reach this private range, such as 192.168.1.0/24:80,443; may be repeated',
  ).argParser(collect(checkedAllowTarget));
}

function checkedAllowTarget(text: string): string {
  parseAllowRule(text);
  return text;
}
