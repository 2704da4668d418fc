// The systemd unit of a service (systemd.service, systemd.exec), for the machine or for a user.

import { isAbsolute } from 'node:path';
import { commandLine, SERVICE_USER, type Service } from './service.ts';

/** Restarts and watches: the same for every service. */
const KEEPING = `# It says itself when it is ready, and every 15 s that its threads still answer; a process that hangs is started again.
Type=notify
NotifyAccess=main
WatchdogSec=30`;

const RESTARTING = `UMask=0077
Restart=always
RestartSec=2
# Wrong usage does not get better by itself.
RestartPreventExitStatus=2
# Open streams get 8 s to end; longer than this is needed with a longer --drain.
TimeoutStopSec=20`;

/** What a manager of the whole system can take away; a user's cannot. */
const HARDENING = `CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PROTECT_HOME
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
ADDRESS_FAMILIES
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# No MemoryDenyWriteExecute: V8 compiles JavaScript to machine code while it runs.`;

const ADDRESS_FAMILIES = {
  hub: "# AF_UNIX: the socket of `restunnel pair`. AF_NETLINK: the list of this machine's addresses.",
  node: "# AF_UNIX: the system's resolver and log. AF_NETLINK: the list of this machine's addresses.",
};

export interface UnitText {
  /** The comment that opens the file. */
  readonly head: string;
  /** Lines of [Service] before ExecStart. */
  readonly before?: string;
  /** Words behind the command line that are not quoted. */
  readonly rawOptions?: string;
}

/** The name without its ending. */
export function unitName(role: Service['role']): string {
  return `restunnel-${role}`;
}

export function renderUnit(service: Service, { head, before, rawOptions }: UnitText): string {
  const { role, isSystem } = service;
  const words = [...commandLine(service).map(quoted), ...(rawOptions === undefined ? [] : [rawOptions])];
  const lines = [
    ...(isSystem ? [`User=${SERVICE_USER}`, `Group=${SERVICE_USER}`] : []),
    ...(before === undefined ? [] : [before]),
    `ExecStart=${words.join(' ')}`,
    ...places(service),
    ...credential(service),
    RESTARTING,
  ];
  const name = role === 'hub' ? 'hub' : 'exit node';
  return `${head}
[Unit]
Description=Restunnel ${name}
Wants=network-online.target
After=network-online.target
# It is worth trying again for ever.
StartLimitIntervalSec=0

[Service]
${KEEPING}
${lines.join('\n')}
${isSystem ? `${descriptors(role)}\n\nNoNewPrivileges=yes\n${hardening(service)}` : 'NoNewPrivileges=yes'}

[Install]
WantedBy=${isSystem ? 'multi-user' : 'default'}.target
`;
}

/** Where the unit may write. The manager makes folders below /var/lib and /var/cache itself. */
function places({ isSystem, dataDir, program }: Service): string[] {
  if (!isSystem) return [];
  const state = /^\/var\/lib\/([^/]+)$/.exec(dataDir)?.[1];
  const own =
    state === undefined
      ? [`ReadWritePaths=${quoted(dataDir)}`]
      : [`StateDirectory=${state}`, 'StateDirectoryMode=0700'];
  const unpacks = program.length === 1;
  return unpacks ? ['CacheDirectory=restunnel', 'CacheDirectoryMode=0700', ...own] : own;
}

/** The choice of whoever wants the key encrypted on the disk (systemd-creds). */
function credential({ isSystem, role }: Service): string[] {
  if (!isSystem) return [];
  return [
    '# The private key, encrypted on the disk (docs/guides/keys.md), in place of a file in the data directory:',
    `#LoadCredentialEncrypted=${role}_key.bin:/etc/credstore.encrypted/restunnel-${role}_key.bin`,
  ];
}

/** A user's manager cannot raise its own limit. */
function descriptors(role: Service['role']): string {
  return `# One descriptor for each stream${role === 'hub' ? ', and one for each tunnel' : ''}.\nLimitNOFILE=1048576`;
}

function hardening(service: Service): string {
  // A program or data in somebody's home must stay in sight.
  const isAtHome = [...service.program, service.dataDir].some(
    (path) => isAbsolute(path) && /^\/(home|root)\//.test(path),
  );
  return HARDENING.replace('PROTECT_HOME', `ProtectHome=${isAtHome ? 'read-only' : 'yes'}`).replace(
    'ADDRESS_FAMILIES',
    ADDRESS_FAMILIES[service.role],
  );
}

/** A word of ExecStart (systemd.service, "Command lines"): `$` and `%` are doubled, and blanks need quotes. */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', () => '$$');
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
