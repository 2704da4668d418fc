// The layer check, a part of `npm run check`: imports run downwards, without circles, and what is pure stays pure. Type-only imports
// count like any other: move them along with their file. test/layers.test.ts proves that each rule can fail.

/** From the ground up. A file imports from its own folder and from the floors below; folders on one floor do not import each other. */
const FLOORS = [
  ['limits'],
  ['base'],
  ['model'],
  ['reactor', 'noise', 'proxy'],
  ['cluster'],
  ['ring', 'tunnel', 'routing'],
  ['engine'],
  ['hub', 'node'],
  ['api'],
  ['dashboard'],
  ['boot'],
  ['cli'],
];

/** Sockets, threads, files, processes and foreign calls. node:module is how koffi is loaded where no tool sees it: with createRequire(). */
const IMPURE =
  '^(?:node:)?(?:net|tls|dgram|dns|https?|http2|fs|child_process|cluster|worker_threads|ffi|sqlite|module)(?:/|$)' +
  '|(?:^|/)node_modules/(?:@koromix|piscina)/';

/** Every file in these folders is pure, */
const PURE_FOLDERS = [
  'limits',
  'base',
  'model',
  'tunnel',
  'proxy',
  'noise',
  'cluster',
  'routing',
  'ring',
  'node',
  'api/schemas',
];
/** except for these shells, which live beside the pure parts that they serve; */
const SHELLS = [
  'src/base/atomicFile.ts', // writes files
  'src/base/dataDirLock.ts', // locks a file
  'src/base/fileAccess.ts', // asks Windows
  'src/base/foreignCalls.ts', // loads koffi
  'src/base/sqliteFile.ts', // opens a database
  'src/base/version.ts', // reads package.json
  'src/noise/keyFile.ts', // reads and writes the key file
  'src/noise/keyRecord.ts', // reads and writes the record of where the key is
  'src/noise/moveKey.ts', // moves the key
  'src/noise/ownKey.ts', // finds the key
  'src/noise/systemKeyStore.ts', // loads @napi-rs/keyring
  'src/noise/aeadOpenssl.ts', // calls node's OpenSSL
  'src/noise/aeadProvider.ts', // chooses between the providers
  'src/ring/bell.ts', // rings the doorbell of a reactor
  'src/node/battery.ts', // reads the battery from /sys
  'src/node/exitRehearsal.ts', // has a reactor of its own, without a network
  'src/node/networkFiles.ts', // reads routes and interfaces from /proc and /sys
  'src/node/hubsFile.ts', // keeps the list of hubs
  'src/node/identity.ts', // reads the node's key
  'src/node/resolver.ts', // asks DNS and getaddrinfo
  'src/node/dnsQuestions.ts', // asks DNS
  'src/node/systemLookups.ts', // asks getaddrinfo
  'src/node/sourceAddress.ts', // connects UDP sockets
  'src/node/nameServiceFiles.ts', // reads /etc
  'src/node/statusReport.ts', // asks the platform for its names, package.json for the version
  'src/node/exitThread.ts', // the entry of that thread
  'src/node/tlsThread.ts', // the entry of the thread that speaks TLS
  'src/node/secureDial.ts', // gives it descriptors
  'src/node/tlsBridge.ts', // starts it
  'src/node/tlsClient.ts', // TLS of Node's own

  'src/node/hubLane.ts', // the control thread of a node
  'src/node/rotator.ts', // runs the owner's command
  'src/node/publicAddress.ts', // asks a page
  'src/node/localAddress.ts', // binds to an address
  'src/node/node.ts', // the control thread of a node
  'src/node/lanes.ts', // has hubLane.ts dial
  'src/node/hubFollower.ts', // has lanes.ts dial
  'src/node/statusSender.ts', // reads battery and network
];
/** and so are these, in folders that are shells for the rest. */
const PURE_FILES = [
  'src/hub/hubOptions.ts',
  'src/hub/threads/defaultWorkers.ts',
  'src/hub/threads/engineChoice.ts',
  'src/dashboard/guard.ts',
  'src/dashboard/openBind.ts',
  'src/dashboard/remotes.ts',
  'src/dashboard/browserSessions.ts',
  'src/engine/strangerPolicy.ts',
  'src/hub/fleet/changeText.ts',
  'src/hub/store/identity.ts',
  'src/hub/fleet/nodeLimits.ts',
  'src/hub/fleet/nodeSettings.ts',
  'src/hub/fleet/nodeStatus.ts',
  'src/hub/fleet/nodeView.ts',
  'src/hub/traffic/recentTraffic.ts',
  'src/hub/traffic/rollup.ts',
  'src/hub/fleet/rotateSchedule.ts',
  'src/cli/units.ts',
  'src/cli/arguments/values.ts',
  'src/cli/output/errorText.ts',
  'src/cli/output/terminalText.ts',
  'src/cli/output/eventText.ts',
  'src/cli/arguments/nodeFlags.ts',
  'src/cli/output/nodeText.ts',
  'src/cli/output/statusView.ts',
];

const anyOf = (names) => `(?:${names.map((name) => name.replaceAll('.', '\\.')).join('|')})`;
const folders = FLOORS.flat();

/** For each folder, what stands above it or beside it. */
const upward = FLOORS.flatMap((floor, level) =>
  floor.map((folder) => {
    const below = [folder, ...FLOORS.slice(0, level).flat()];
    return {
      name: `imports-of-${folder}-run-downwards`,
      comment: `src/${folder} may import from: ${below.join(', ')}.`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/${anyOf(below)}/` },
    };
  }),
);

const pure = {
  path: `^(?:src/${anyOf(PURE_FOLDERS)}/|${anyOf(PURE_FILES)}$)`,
  pathNot: `^${anyOf(SHELLS)}$`,
};

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'every-folder-has-a-floor',
      comment: 'A new folder of src gets its place in FLOORS.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(?:${anyOf(folders)}/|index\\.ts$)` },
      to: {},
    },
    {
      name: 'the-package-entry-stands-on-boot',
      comment: 'A program that embeds the package needs no command line.',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'src-stands-alone',
      comment:
        'Tests, scripts and benches import the product, not the reverse; `restunnel bench` alone runs what is in bench.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/commands/bench\\.ts$' },
      to: { path: '^(?:bench|bin|scripts|test)/' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'pure-modules-stay-pure',
      comment:
        'Codecs, parsers, windows, policy and Noise reach no sockets, threads, files or foreign calls, not even through what they import.',
      severity: 'error',
      from: pure,
      to: { path: IMPURE, reachable: true },
    },
    {
      name: 'imports-are-found',
      comment:
        'What is not found is not checked. /assets/ are the paths under which the dashboard serves packages to its pages.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(?:/assets/|node:)' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
